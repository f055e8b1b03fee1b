"""Taking records along: with the right to, what one sees, as it is when it is written, and noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse

from contacts.exports import ExportContacts
from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from crm.audit.models import Action, Entry
from crm.bulk import actions, services
from crm.bulk.models import BulkRun
from crm.bulk.work import work_off
from tests.access.worlds import administrator, member
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
OWN = Level.OWN
EXPORT, ADDRESSES = "/contacts/export/", "/contacts/addresses/"


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ann() -> User:
    return member("ann", contacts=OWN, customers=OWN, deals=OWN)


@pytest.fixture
def book(ann: User) -> dict[str, Contact]:
    secret = make.company("Secret Corp")
    return {
        "amber": make.person("Amber", owner=ann, company=secret, email="amber@visible.example"),
        "byron": make.person("Byron", owner=ann, email="byron@visible.example"),
        "ghost": make.person("Ghost", email="ghost@secret.example"),
    }


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def everything(form: str = "csv", **more: Any) -> dict[str, Any]:
    return {"scope": "all", "count": "9", "format": form, "columns": "complete", **more}


def content(answer: Any) -> str:
    assert answer.status_code == 200
    parts = answer.streaming_content if answer.streaming else [answer.content]
    return b"".join(parts).decode("utf-8-sig")


def without(user: User, *rights: str) -> User:
    User.objects.filter(pk=user.pk).update(**{f"may_{one}": False for one in rights})
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("record", ["contact", "deal"])
def test_without_the_right_there_is_no_button_and_no_file(ann, book, record):
    make.deal(book["amber"], owner=ann)
    url = reverse(f"{record}s:export")
    assert url in client_of(ann).get(reverse(f"{record}s:list")).content.decode()
    assert client_of(ann).post(url, everything()).status_code == 200
    entries = Entry.objects.filter(action=Action.EXPORTED).count()
    client = client_of(without(ann, "export"))
    assert url not in client.get(reverse(f"{record}s:list")).content.decode()
    assert client.post(url, everything()).status_code == 403
    assert client.post(url, {"scope": "all", "count": "9"}).status_code == 403
    assert BulkRun.objects.count() == 1
    assert Entry.objects.filter(action=Action.EXPORTED).count() == entries


def test_addresses_are_copied_with_the_right_to_export_or_to_mail(ann, book):
    sent = {"scope": "all", "count": "9"}
    for lacking in ((), ("export",), ("mail",)):
        User.objects.filter(pk=ann.pk).update(may_export=True, may_mail=True)
        answer = client_of(without(ann, *lacking)).post(ADDRESSES, sent)
        assert "amber@visible.example" in answer.content.decode()
        assert "secret.example" not in answer.content.decode()
    client = client_of(without(ann, "export", "mail"))
    assert client.post(ADDRESSES, sent).status_code == 403
    assert ADDRESSES not in client.get("/contacts/").content.decode()


def test_addresses_of_hidden_contacts_are_not_copied_by_their_number(ann, book):
    sent = {"scope": "rows", "row": [book["ghost"].pk, book["byron"].pk]}
    told = client_of(ann).post(ADDRESSES, sent).content.decode()
    assert "byron@visible.example" in told
    assert "ghost" not in told.lower()


@pytest.mark.parametrize("form", ["csv", "raw", "mailchimp"])
def test_a_file_has_nothing_of_hidden_contacts(ann, book, form):
    text = content(client_of(ann).post(EXPORT, everything(form)))
    assert "Amber" in text
    assert "Secret" not in text
    assert "secret" not in text
    assert f",{book['amber'].company_id}," not in text
    assert "Secret Corp" in content(client_of(member("boss")).post(EXPORT, everything("csv")))


def test_hidden_rows_asked_for_by_number_are_not_in_the_file(ann, book):
    sent = {"scope": "rows", "row": [book["ghost"].pk, book["byron"].pk], "format": "csv"}
    text = content(client_of(ann).post(EXPORT, sent))
    assert "Byron" in text
    assert "Ghost" not in text


def test_an_export_is_noted_with_its_filter_and_how_many_rows(ann, book):
    client_of(ann).post(EXPORT, everything(state="name.contains=amb"))
    entry = Entry.objects.get(action=Action.EXPORTED)
    assert entry.actor_id == ann.pk
    assert entry.details["count"] == 1
    assert "amb" in entry.details["selected"]
    assert entry.details["format"] == "csv"


# -- in the background


def begun(user: User) -> BulkRun:
    """A large export that waits for a worker."""
    with (
        mock.patch.object(services.work_off_run.__class__, "enqueue"),
        mock.patch("crm.exports.services.AT_ONCE", 0),
    ):
        answer = client_of(user).post(EXPORT, everything(token="t"))
    assert answer.status_code == 302
    return BulkRun.objects.get()


def written(run: BulkRun) -> str:
    run.refresh_from_db()
    with run.file.open("rb") as file:
        return file.read().decode("utf-8-sig")


@pytest.fixture
def by_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExportContacts, "chunk", 1)
    monkeypatch.setitem(actions._actions, "contact.export", ExportContacts())


def test_who_loses_sight_of_a_row_meanwhile_finds_it_not_in_the_file(ann, book, by_ones):
    run = begun(ann)
    assert run.total == 2
    book["byron"].owner = None
    book["byron"].save()
    work_off(run.pk)
    text = written(run)
    assert "Amber" in text
    assert "Byron" not in text
    assert (run.done, run.refused) == (1, 1)
    page = client_of(ann).get(run.get_absolute_url()).content.decode()
    assert "Byron" not in page


def test_narrower_access_counts_from_the_next_chunk_on(ann, book, by_ones):
    from tests.bulk.runs import after_chunk

    for number in range(3):
        make.person(f"Zoe {number}", owner=ann)
    run = begun(ann)

    def narrow() -> None:
        User.objects.filter(pk=ann.pk).update(
            edit_contacts=Level.NONE, view_contacts=Level.NONE,
            edit_customers=Level.NONE, view_customers=Level.NONE,
        )  # fmt: skip

    with after_chunk(2, narrow):
        work_off(run.pk)
    run.refresh_from_db()
    assert (run.done, run.refused) == (2, 3)
    assert "Zoe" not in written(run)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"is_active": False}, "may not sign in any more"), ({"may_export": False}, "lack the right")],
)
def test_the_export_of_who_lost_the_right_or_left_stops_without_a_file(
    ann, book, by_ones, change, said
):
    from tests.bulk.runs import after_chunk

    run = begun(ann)
    with after_chunk(1, lambda: User.objects.filter(pk=ann.pk).update(**change)):
        work_off(run.pk)
    run.refresh_from_db()
    assert run.state == BulkRun.State.FAILED
    assert said in run.problem
    assert not run.file


def test_a_file_is_for_who_made_it_while_they_may_export(ann, book):
    run = begun(ann)
    work_off(run.pk)
    url = reverse("bulk:file", args=[run.pk])
    assert content(client_of(ann).get(url)).count("\n") == 3
    assert client_of(member("ben")).get(url).status_code == 404
    assert client_of(administrator()).get(url).status_code == 200
    assert client_of(without(ann, "export")).get(url).status_code == 403
    User.objects.filter(pk=ann.pk).update(may_export=True, is_active=False)
    assert client_of(User.objects.get(pk=ann.pk)).get(url).status_code != 200
