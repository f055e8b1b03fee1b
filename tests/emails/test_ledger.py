"""The ledger: everybody a mailing is meant for, to be mailed or left out with the reason, and nobody else."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from crm.lists.registry import registry_of
from crm.lists.saved import create_list
from crm.lists.state import ListState
from crm.suppression.services import _normalised, asker, normalised, suppressed
from crm.suppression.services import suppress as erase
from deals.models import Deal
from emails import ledger, standing
from emails.addresses import normal
from emails.audience import chosen_sentence, contacts_of
from emails.models import Mailing, MailSettings, Recipient
from emails.reasons import Basis, LeftOut, Suppressed
from tests.deals.factories import deal, person

pytestmark = pytest.mark.django_db
WAITING = Recipient.State.WAITING.value


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


def sees_only_own(user: User, *areas: str) -> None:
    for area in areas:
        setattr(user, f"view_{area}", Level.OWN)
        setattr(user, f"edit_{area}", Level.OWN)
    user.save()


def mailing_to(user: User, *ticked: int, record: str = "contact", **fields: str) -> Mailing:
    """A draft to the rows that are ticked, else to all that match."""
    fields = {"list": "", "state": "", "count": "0", "scope": "rows" if ticked else "all", **fields}
    selection = [[name, value] for name, value in fields.items()]
    selection += [["row", str(pk)] for pk in ticked]
    return Mailing.objects.create(author=user, record=record, selection=selection)


def written(mailing: Mailing, user: User) -> dict[int, str]:
    """By contact what its row says: its reason, or that it waits."""
    ledger.write(mailing, user)
    rows = mailing.recipients.values_list("contact_id", "state", "reason")
    return {contact: reason or state for contact, state, reason in rows}


# -- the oracle: the same in plain Python


def expected(
    rows: Iterable[tuple[int, int | None]], user: User, unseen: str
) -> list[tuple[int, int, int | None, str, str, str]]:
    """What the ledger says of contacts (with the deal that brought each), in their order."""
    visible = {one.pk: one for one in Contact.objects.visible_to(user)}
    basis_required = MailSettings.current().basis_required
    taken: set[str] = set()
    found = []
    for position, (pk, deal_id) in enumerate(rows, 1):
        contact = visible.get(pk)
        name = contact.name if contact else ""
        address = normal(contact.email) if contact else ""
        reason = unseen if contact is None else _reason(contact, address, basis_required)
        if not reason and address in taken:
            reason = "same_address"
        if not reason:
            taken.add(address)
        found.append((position, pk, deal_id, name, address, reason))
    return found


def _reason(contact: Contact, address: str, basis_required: bool) -> str:
    if not contact.email.strip():
        return "no_address"
    if not address:
        return "invalid"
    stands = standing.standing_of([address])[address]
    if stands.suppressed:
        return stands.suppressed
    return "no_basis" if basis_required and not stands.ground.basis else ""


ODD = [
    "", " ", "ada@example.org", "ADA@Example.ORG", " ada@example.org ", "ada@bücher.example",
    "Ada@BÜCHER.example", "ada@xn--bcher-kva.example", "ada@straße.example", "ada@@example.org",
    "a@b@example.org", '"ada lovelace"@example.org', "ada@example", "ada@[192.0.2.1]",
    "ada@192.0.2.1", "o'neil@example.org", "ada..l@example.org", ".ada@example.org",
    "ada@-example.org", "ada@exa--mple.org", "ada@example.org.", "ada", "@example.org", "ada@",
    "\u212aelvin@example.org", "kelvin@example.org", "ﬁn@example.org", "аda@example.org",
    "ada@example.org\n", "ada\r\nbcc: x@example.org", "x" * 64 + "@example.org",
    "x" * 65 + "@example.org", "ada@" + "x" * 64 + ".org", "a@" + "b." * 120 + "org",
    "ada@例え.jp", "%@example.org", "_@example.org", "ada\\@example.org", "\u202eada@example.org",
    "ada+news@example.org", "ada_l@exam_ple.org", "bob@example.org", "bob@example.com", "c@d.ef",
]  # fmt: skip


def world(lot: random.Random) -> tuple[User, list[Contact], list[Deal]]:
    """Contacts with odd addresses, of which somebody sees a part; some suppressed, some erased, some with a basis."""
    ann, ben = User.objects.create_user("ann"), User.objects.create_user("ben")
    if lot.random() < 0.6:
        areas = ("contacts", "customers", *(["deals"] if lot.random() < 0.5 else []))
        sees_only_own(ann, *areas)
    odd = ODD + (["nul\x00@example.org", "x" * 300] if connection.vendor == "sqlite" else [])
    contacts = [
        person(
            f"P{n}",
            email=lot.choice(odd),
            owner=lot.choice([ann, ann, ben]),
            city="Bern" if n % 3 else "",
        )
        for n in range(60)
    ]
    deals = [
        deal(lot.choice(contacts), owner=lot.choice([ann, ben]), name=f"D{lot.random()}")
        for _n in range(30)
    ]
    addresses = sorted({normal(one) for one in odd} - {""})
    for why in standing.STRENGTH:
        standing.suppress(lot.sample(addresses, 2), why)
    standing.set_basis(lot.sample(addresses, len(addresses) // 2), Basis.CONSENT)
    if lot.random() < 0.7:
        erase(lot.sample(sorted(odd), 3), "erased")
    MailSettings(basis_required=lot.random() < 0.5).save()
    return ann, contacts, deals


@pytest.mark.parametrize("seed", range(6))
def test_the_ledger_says_of_everybody_what_plain_python_says(seed: int) -> None:
    lot = random.Random(seed)
    ann, contacts, deals = world(lot)
    ticked = [one.pk for one in lot.sample(contacts, 20)]
    gone = contacts[-1].pk + 1_000
    visible = Contact.objects.visible_to(ann)
    seen_deals = Deal.objects.visible_to(ann)
    some_deals = [one.pk for one in lot.sample(deals, 12)]
    stars = {one.pk: one.primary_contact_id for one in deals}

    def of_deals(ids: Iterable[int]) -> list[tuple[int, int]]:
        first: dict[int, int] = {}
        for pk in ids:
            first.setdefault(stars[pk], pk)
        return list(first.items())

    in_order = list(seen_deals.order_by("name", "pk").values_list("pk", flat=True))
    allowed = set(in_order)
    live = visible.filter(city="Bern").order_by("-sort_key", "-pk").values_list("pk", flat=True)
    cases: list[tuple[Mailing, Sequence[tuple[int, Any]], str]] = [
        (mailing_to(ann, state="?city=Bern&sort=-name"), [(pk, None) for pk in live], "gone"),
        (mailing_to(ann, *ticked, gone), [(pk, None) for pk in [*ticked, gone]], "gone"),
        (mailing_to(ann, record="deal", state="?sort=name"), of_deals(in_order), "not_yours"),
        (
            mailing_to(ann, *some_deals, record="deal"),
            of_deals(pk for pk in some_deals if pk in allowed),
            "not_yours",
        ),
    ]  # fmt: skip
    for mailing, rows, unseen in cases:
        wanted = expected(rows, ann, unseen)
        ledger.write(mailing, ann)
        names = ("position", "contact_id", "deal_id", "name", "address", "reason")
        assert list(mailing.recipients.values_list(*names)) == wanted
        states = {row[-1]: "left_out" if row[-1] else "waiting" for row in wanted}
        assert set(mailing.recipients.values_list("reason", "state")) == set(states.items())
        mailing.refresh_from_db()
        left_out = sum(1 for row in wanted if row[-1])
        assert (mailing.total, mailing.left_out, mailing.waiting) == (
            len(wanted), left_out, len(wanted) - left_out,
        )  # fmt: skip


# -- what is told, and what is not


def test_who_was_ticked_and_is_gone_or_hidden_is_told_alike_and_without_a_name(ann: User) -> None:
    sees_only_own(ann, "contacts", "customers")
    mine = person("Mine", owner=ann, email="mine@example.org")
    hidden = person("Hidden", email="hidden@example.org")
    gone = person("Gone", email="gone@example.org")
    ids = [hidden.pk, mine.pk, gone.pk]
    gone.delete()
    mailing = mailing_to(ann, *ids)
    assert written(mailing, ann) == {ids[0]: "gone", ids[1]: WAITING, ids[2]: "gone"}
    told = mailing.recipients.exclude(contact_id=mine.pk).values_list("name", "address")
    assert set(told) == {("", "")}


def test_a_hidden_main_contact_of_a_deal_is_not_ones_to_mail(ann: User) -> None:
    sees_only_own(ann, "contacts", "customers")
    hidden, mine = (
        person("Hidden", email="h@example.org"),
        person("Mine", owner=ann, email="m@x.org"),
    )
    first = deal(mine, name="First")
    deal(hidden, name="Second")
    deal(mine, name="Third")
    mailing = mailing_to(ann, record="deal", state="?sort=name")
    assert written(mailing, ann) == {mine.pk: WAITING, hidden.pk: "not_yours"}
    rows = mailing.recipients.order_by("position").values_list("position", "deal_id", "name")
    assert list(rows) == [(1, first.pk, "Mine"), (2, Deal.objects.get(name="Second").pk, "")]


def test_a_live_list_is_asked_anew_and_ticked_rows_stay_those_that_were_ticked(ann: User) -> None:
    ada, bob = (person(name, city="Bern", email=f"{name}@example.org") for name in ("Ada", "Bob"))
    live = mailing_to(ann, state="?city=Bern")
    ticked = mailing_to(ann, ada.pk, bob.pk, state="?city=Bern")
    assert [*written(live, ann)] == [*written(ticked, ann)] == [ada.pk, bob.pk]
    Contact.objects.filter(pk=ada.pk).update(city="Rome")
    cid = person("Cid", city="Bern", email="cid@example.org")
    assert [*written(live, ann)] == [bob.pk, cid.pk]
    assert [*written(ticked, ann)] == [ada.pk, bob.pk]
    assert list(contacts_of(live, ann)) == [bob, cid]
    assert list(contacts_of(ticked, ann)) == [ada, bob]
    assert chosen_sentence(ticked, ann) == "chosen by hand"
    assert "Bern" in chosen_sentence(live, ann)


def test_days_are_those_of_whoever_mails_whatever_the_zone_of_the_worker(ann: User) -> None:
    ann.time_zone = "Pacific/Kiritimati"
    ann.save()
    midnight = timezone.localtime(timezone.now(), ann.zone).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    for name, minutes in (("Yesterday", -1), ("Today", 0)):
        contact = person(name, email=f"{name}@example.org")
        moment = midnight + timedelta(minutes=minutes)
        Contact.objects.filter(pk=contact.pk).update(created_at=moment)
    mailing = mailing_to(ann, state="?created=today")
    with timezone.override("UTC"):
        ledger.write(mailing, ann)
    assert [one.name for one in ledger.rows(mailing)] == ["Today"]


def test_a_list_that_is_gone_and_a_filter_that_is_none_are_refused(ann: User) -> None:
    ada = person("Ada", email="ada@example.org")
    with pytest.raises(ValidationError, match="list that you chose from is gone"):
        ledger.write(mailing_to(ann, list="gone"), ann)
    with pytest.raises(ValidationError, match="no filter"):
        ledger.write(mailing_to(ann, state="?nonsense=1"), ann)
    assert not Recipient.objects.exists()
    # Whoever ticked rows meant these, wherever they stood.
    assert written(mailing_to(ann, ada.pk, list="gone"), ann) == {ada.pk: WAITING}


def test_a_ledger_is_written_anew_until_a_mail_may_have_been_sent(ann: User) -> None:
    ada = person("Ada", email="ada@example.org")
    mailing = mailing_to(ann)
    assert written(mailing, ann) == written(mailing, ann) == {ada.pk: WAITING}
    mailing.recipients.update(state="sent")
    Mailing.objects.filter(pk=mailing.pk).update(sent=1, waiting=0)
    mailing.refresh_from_db()
    with pytest.raises(RuntimeError):
        ledger.write(mailing, ann)
    assert mailing.recipients.get().state == "sent"


def test_reasons_are_counted_in_their_order_and_rows_given_on_demand(ann: User) -> None:
    for name, email in (
        ("A", ""),
        ("B", "b@x.org"),
        ("C", "B@x.org"),
        ("D", "d@x.org"),
        ("E", "?"),
    ):
        person(name, email=email)
    standing.suppress(["D@X.org"], Suppressed.UNSUBSCRIBED)
    mailing = mailing_to(ann)
    ledger.write(mailing, ann)
    assert [(one.reason, one.number) for one in ledger.counts(mailing)] == [
        (LeftOut.NO_ADDRESS, 1), (LeftOut.INVALID, 1), (LeftOut.UNSUBSCRIBED, 1),
        (LeftOut.SAME_ADDRESS, 1),
    ]  # fmt: skip
    assert [one.name for one in ledger.rows(mailing)] == ["B"]
    assert [one.name for one in ledger.rows(mailing, reason="same_address")] == ["C"]


def test_who_was_erased_stays_out_however_the_address_comes_back(ann: User) -> None:
    erase(["Ada@Bücher.example"], "erased")
    back = [person(f"Ada {n}", email=one).pk for n, one in enumerate(
        ("ada@bücher.example", "ADA@xn--bcher-kva.example", "eve@bücher.example")
    )]  # fmt: skip
    assert written(mailing_to(ann), ann) == dict(
        zip(back, ["erased", "erased", WAITING], strict=True)
    )


def test_addresses_are_hashed_quickly_as_they_were_slowly() -> None:
    odd = [
        *ODD,
        *(one.upper() for one in ODD),
        "a.b@c.d..",
        "x" * 300,
        "Ａ@Ｂ.example",
        "a@" + "b" * 64,
    ]
    assert [normalised(one) for one in odd] == [_normalised(one) for one in odd]
    erase(odd[::2], "erased")
    is_erased = asker()
    assert {one for one in odd if is_erased(one)} == set(suppressed(odd)) - {"", " "}


def test_an_address_that_becomes_anothers_while_the_ledger_is_written_is_mailed_once(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading addresses and writing them down, on PostgreSQL; here it reads none at first."""
    ada, eve = person("A", email="one@example.org"), person("B", email="one@example.org")
    reads = ledger._told
    told: list[Any] = []

    def read(contacts: Any) -> Any:
        told.append([] if not told else reads(contacts))
        return told[-1]

    monkeypatch.setattr(ledger, "_told", read)
    assert written(mailing_to(ann), ann) == {ada.pk: WAITING, eve.pk: "same_address"}
    assert len(told) == 2


# -- what happened since


def test_whoever_may_not_be_mailed_any_more_is_found_before_sending(ann: User) -> None:
    sees_only_own(ann, "contacts", "customers")
    names = ["stays", "gone", "hidden", "moved", "left", "erased", "same"]
    people = {one: person(one, owner=ann, email=f"{one}@example.org") for one in names}
    mailing = mailing_to(ann)
    ledger.write(mailing, ann)
    rows = list(mailing.recipients.all())
    positions = {row.name: row.position for row in rows}
    assert ledger.recheck(mailing, rows, ann) == {}
    people["gone"].delete()
    Contact.objects.filter(pk=people["hidden"].pk).update(owner=None)
    Contact.objects.filter(pk=people["moved"].pk).update(email="moved@example.com")
    Contact.objects.filter(pk=people["same"].pk).update(email=" SAME@example.org")
    standing.suppress(["left@example.org"], Suppressed.UNSUBSCRIBED)
    erase(["erased@example.org"], "erased")
    found = {
        "gone": LeftOut.GONE, "hidden": LeftOut.NOT_YOURS, "moved": LeftOut.MOVED,
        "left": LeftOut.UNSUBSCRIBED, "erased": LeftOut.ERASED,
    }  # fmt: skip
    by_position = {positions[name]: why for name, why in found.items()}
    assert ledger.recheck(mailing, rows, ann) == by_position
    MailSettings(basis_required=True).save()
    standing.set_basis(["stays@example.org"], Basis.CONTRACT)
    assert ledger.recheck(mailing, rows, ann) == by_position | {positions["same"]: LeftOut.NO_BASIS}


def statements(mailing: Mailing, user: User) -> tuple[int, int]:
    with CaptureQueriesContext(connection) as writing:
        ledger.write(mailing, user)
    rows = list(mailing.recipients.all())
    with CaptureQueriesContext(connection) as rechecking:
        ledger.recheck(mailing, rows, user)
    return len(writing), len(rechecking)


def test_writing_and_rechecking_take_as_many_statements_for_two_as_for_forty(ann: User) -> None:
    erase(["x@example.org"], "erased")
    contacts = [person(email=f"p{n}@bücher.example") for n in range(2)]
    statements(mailing_to(ann), ann)
    few = statements(mailing_to(ann), ann)
    contacts += [person(email=f"p{n}@example.org") for n in range(38)]
    assert statements(mailing_to(ann), ann) == few
    assert few[1] <= 6


def test_a_list_of_somebody_who_may_see_nothing_is_empty(ann: User) -> None:
    ada = person("Ada", email="ada@example.org")
    star = deal(ada)
    ann.is_active = False
    assert written(mailing_to(ann), ann) == {}
    assert written(mailing_to(ann, ada.pk), ann) == {ada.pk: "gone"}
    assert written(mailing_to(ann, record="deal"), ann) == {}
    assert written(mailing_to(ann, star.pk, record="deal"), ann) == {}


def test_a_saved_list_is_the_authors_own_view_of_it(ann: User) -> None:
    ben = User.objects.create_user("ben")
    sees_only_own(ben, "contacts", "customers")
    mine = person("Mine", owner=ben, city="Bern", email="mine@example.org")
    person("Other", owner=ann, city="Bern", email="other@example.org")
    state = ListState.of(registry_of("contact"), ann, QueryDict("city=Bern"))
    saved = create_list(state, ann, name="Bern", shared=True)
    assert len(written(mailing_to(ann, list=saved.slug), ann)) == 2
    assert written(mailing_to(ben, list=saved.slug), ben) == {mine.pk: WAITING}
