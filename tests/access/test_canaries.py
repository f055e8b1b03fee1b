"""Hidden records carry words that nobody else has; wherever a user can get, none of them is heard."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from crm.bulk.models import BulkRun
from crm.bulk.pages import pages_of
from crm.lists.models import SmartList
from crm.lists.registry import registry_of
from deals.models import Deal
from deals.querysets import DealQuerySet
from tests.access.canaries import TYPED, TYPED_PHONE, WORD, Nest, Reader, build, canaries_in
from tests.access.known import MENDING, SONGS

pytestmark = pytest.mark.django_db
USERS = ["nobody", "own", "team", "limited"]
RECORDS = ["contact", "deal"]


@pytest.fixture
def nest(settings: Any, tmp_path: Any) -> Nest:
    settings.MEDIA_ROOT = tmp_path
    return build()


def hidden_from(nest: Nest, name: str) -> set[str]:
    """Codes of the records that this user may not see, checked one by one against their cards."""
    found = set()
    for code, one in nest.hidden.items():
        if isinstance(one, Contact):
            # Who sees all Prospects & Customers sees those that a deal made one.
            one.refresh_from_db()
            belongs = (one.prospect_status, one.customer_status) != ("none", "none")
            if name == "limited" and belongs:
                continue
        found.add(code)
    return found


def share(of: list[Any], name: str) -> list[Any]:
    """A part for each user, so that together they try all: the script of two databases tries all with each."""
    return of[USERS.index(name) :: len(USERS)]


def reader_of(nest: Nest, name: str) -> Reader:
    client = Client(raise_request_exception=False)
    client.force_login(nest.users[name])
    return Reader(client)


def heard(nest: Nest, name: str, reader: Reader) -> list[str]:
    """Where a canary of a record was heard that the user may not see."""
    shown = set(nest.hidden) - hidden_from(nest, name)
    allowed = tuple(f"{WORD}{code}" for code in shown if not code.startswith("run"))
    found = []
    for where, songs in reader.songs.items():
        loud = {one for one in songs if not (allowed and one.startswith(allowed))}
        if shown:
            # Numbers do not say whose they are.
            loud = {one for one in loud if one.startswith(WORD)}
        if loud:
            found.append(f"{name} at {where}: {', '.join(sorted(loud)[:6])}")
    return sorted(found)


def judge(nest: Nest, name: str, reader: Reader, what: str) -> None:
    assert not reader.broken
    found = heard(nest, name, reader)
    if f"{what} {name}" in SONGS:
        assert found or MENDING, f"{what} {name} is mended: strike it from tests/access/known.py"
    else:
        assert not found, "\n".join(found)


def test_canaries_are_heard_by_whom_they_are_for(nest: Nest) -> None:
    """Else nothing would be shown by not hearing any."""
    reader = reader_of(nest, "stranger")
    for code, one in nest.hidden.items():
        if isinstance(one, Contact | Deal):
            songs = canaries_in(reader.read(one.get_absolute_url()))
            assert any(song.startswith(f"{WORD}{code}") for song in songs), code


@pytest.mark.parametrize("name", USERS)
def test_no_page_within_reach_sings(nest: Nest, name: str) -> None:
    reader = reader_of(nest, name)
    read = sum(
        reader.crawl(start)
        for start in ("/", "/deals/", "/runs/", "/contacts/?why=", "/lists/contact/tabs/")
    )
    assert read > 40
    judge(nest, name, reader, "pages")


@pytest.mark.parametrize("name", USERS)
def test_no_filter_sings(nest: Nest, name: str) -> None:
    """Every field in the editor, opened, searched in, and asked for hidden records by number."""
    reader = reader_of(nest, name)
    for record in RECORDS:
        registry = registry_of(record)
        path = reverse(registry.list_view)
        for one in share(registry.filters(), name):
            reader.read(
                f"{path}?add=0.{one.name}", headers={"HX-Request": "true", "HX-Target": "editor"}
            )
            for operator in one.kind.operators:
                asked = f"{path}?set=0.0&field={one.name}&op={operator.name}&show=1&find={TYPED}"
                reader.read(asked, headers={"HX-Request": "true", "HX-Target": "editor"})
                if operator.widget == "record":
                    reader.read(f"{path}?set=0.0&field={one.name}&op={operator.name}&find={TYPED}")
                    for pk in nest.ids(Contact)[::3]:
                        reader.read(f"{path}?{one.name}={pk}")
                        reader.read(f"{path}?{one.name}={pk}&edit=0.0")
        for pk in share([*nest.ids(Contact), *nest.ids(Deal)], name):
            reader.read(f"{path}?why={pk}")
        for column in share(registry.columns(), name):
            reader.read(f"{path}?columns={column.name}&sort={column.name}&per_page=200")
            reader.read(f"{path}?columns={column.name}&sort=-{column.name}")
        for text in (TYPED, TYPED_PHONE, f"{TYPED}p", "Visible"):
            reader.read(f"{path}?q={text}")
            reader.read(f"{path}?why=&find={text}")
    judge(nest, name, reader, "filters")


@pytest.mark.parametrize("name", USERS)
def test_no_choice_sings(nest: Nest, name: str) -> None:
    reader = reader_of(nest, name)
    for page in ("contacts:options", "deals:options"):
        for text in (TYPED, TYPED_PHONE, "kana", "", "555", "Visible", "Deal"):
            for more in ("", "&kind=company", "&kind=person", "&act=edit"):
                reader.read(f"{reverse(page)}?q={text}{more}")
        if name != "limited":
            results = reader.client.get(f"{reverse(page)}?q={TYPED}").json()["results"]
            assert results == [], "found by what may not be seen"
    for kind, sent in (("person", {"email": "vera@visible.example", "last_name": "Visible"}),
                       ("person", {"phone": "040 12345678", "last_name": TYPED}),
                       ("company", {"name": f"{TYPED} firm"})):  # fmt: skip
        reader.post(reverse("contacts:duplicate_hints", args=[kind]), sent)
    judge(nest, name, reader, "choices")


@pytest.mark.parametrize("name", USERS)
def test_no_export_sings(nest: Nest, name: str) -> None:
    reader = reader_of(nest, name)
    type(nest.users[name]).objects.filter(pk=nest.users[name].pk).update(may_export=True)
    for record in RECORDS:
        path = reverse(f"{record}s:export")
        for form in ("csv", "xlsx", "raw", "mailchimp", "json"):
            for columns in ("", "complete"):
                sent = {"scope": "all", "count": "50", "format": form, "columns": columns}
                reader.post(path, sent)
                reader.post(path, {**sent, "state": "columns=company,parent_company,contact,owner"})
        ids = nest.ids(Contact if record == "contact" else Deal)
        reader.post(path, {"scope": "rows", "row": ids, "format": "csv", "columns": "complete"})
    reader.post(reverse("contacts:addresses"), {"scope": "all", "count": "50"})
    reader.post(reverse("contacts:addresses"), {"scope": "rows", "row": nest.ids(Contact)})
    for run in BulkRun.objects.filter(user=nest.users[name]):
        reader.read(reverse("bulk:file", args=[run.pk]))
    judge(nest, name, reader, "exports")


@pytest.mark.parametrize("name", USERS)
def test_no_action_on_many_sings(nest: Nest, name: str) -> None:
    """Pages that ask, refusals, results and their rows, with hidden rows among those that are chosen."""
    reader = reader_of(nest, name)
    for record in RECORDS:
        path = reverse(f"{record}s:act")
        ids = nest.ids(Contact if record == "contact" else Deal)
        for page in pages_of(record):
            for chosen in ({"scope": "all", "count": "5"}, {"scope": "rows", "row": ids}):
                sent = {"action": page.key, **chosen}
                asked = reader.post(path, sent)
                assert asked.status_code < 500
                reader.post(path, {**sent, "confirmed": "1", "expected": "5", "find": TYPED,
                                   "deal": nest.hidden["active"].pk, "company": nest.hidden["firm"].pk,
                                   "deal_text": TYPED, "company_text": TYPED, "status": "customer:past"})  # fmt: skip
    reader.crawl("/runs/")
    judge(nest, name, reader, "actions")


@pytest.mark.parametrize("name", USERS)
def test_no_hidden_address_sings(nest: Nest, name: str) -> None:
    """By number: cards, forms, files and lists of what one may not see, whatever is sent there."""
    reader = reader_of(nest, name)
    for code in hidden_from(nest, name):
        one = nest.hidden[code]
        if isinstance(one, BulkRun):
            for page in ("run", "progress", "file"):
                reader.read(reverse(f"bulk:{page}", args=[one.pk]))
            reader.post(reverse("bulk:turn", args=[one.pk, "resume"]), {})
            continue
        app = "contacts" if isinstance(one, Contact) else "deals"
        pages = ["card", "edit", "delete"] + (
            ["explanation", "merge"] if app == "contacts" else ["move", "star", "link_add"]
        )
        for page in pages:
            where = reverse(f"{app}:{page}", args=[one.pk])
            reader.read(where, headers={"HX-Request": "true"})
            reader.post(where, {"name": "x"}) if page not in (
                "card",
                "explanation",
                "merge",
            ) else None
        reader.read(reverse(f"{app}:cell", args=[one.pk, "owner"]), headers={"HX-Request": "true"})
    for saved in SmartList.objects.filter(shared=False):
        where = reverse(registry_of(saved.record).list_view, args=[saved.slug])
        assert reader.client.get(where).status_code == 404
        for page in ("rename", "delete"):
            reader.read(reverse(f"lists:{page}", args=[saved.record, saved.slug]))
    judge(nest, name, reader, "addresses")


@pytest.mark.parametrize("name", USERS)
def test_no_refusal_sings(nest: Nest, name: str) -> None:
    """Forms of visible records, sent with the numbers and the beginnings of the names of hidden ones."""
    reader = reader_of(nest, name)
    shown = [one for one in nest.visible.values() if isinstance(one, Contact | Deal)]
    hidden = [nest.hidden[code] for code in sorted(hidden_from(nest, name))]
    others = share([one for one in hidden if isinstance(one, Contact)], name)
    for one in shown:
        app = "contacts" if isinstance(one, Contact) else "deals"
        if app == "deals":
            for other in others:
                for page in ("star", "link_add"):
                    where = reverse(f"deals:{page}", args=[one.pk])
                    reader.read(f"{where}?contact={other.pk}")
                    reader.post(where, {"contact": other.pk, "previous": "keep"})
            for page in ("star", "link_add"):
                reader.post(reverse(f"deals:{page}", args=[one.pk]), {"contact_text": TYPED})
            continue
        where = reverse("contacts:edit", args=[one.pk])
        for other in others:
            for sent in ({"company": other.pk}, {"parent_company": other.pk}):
                reader.post(
                    where,
                    {
                        "last_name": "",
                        "details-TOTAL_FORMS": "0",
                        "details-INITIAL_FORMS": "0",
                        **sent,
                    },
                )
            reader.read(reverse("contacts:merge_pair", args=[one.pk, other.pk]))
            reader.read(f"{reverse('contacts:merge', args=[one.pk])}?other={other.pk}")
            reader.read(f"{reverse('contacts:merge_two')}?ids={one.pk},{other.pk}")
            reader.read(f"{reverse('deals:new')}?contact={other.pk}")
        reader.read(f"{reverse('contacts:merge', args=[one.pk])}?other_text={TYPED}")
    judge(nest, name, reader, "refusals")


def test_a_door_left_open_is_heard(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader is one who can hear: with either door open something sings."""
    for rows, pages in (
        (ContactQuerySet, "/contacts/?q=kanarz"),
        (DealQuerySet, "/deals/?q=kanarz"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(rows, "_reached_by", lambda self, user, act: self.all())
            reader = reader_of(nest, "own")
            reader.read(pages)
            assert heard(nest, "own", reader), pages
        reader = reader_of(nest, "own")
        reader.read(pages)
        assert not heard(nest, "own", reader), pages
