"""Acting on many: what one may edit, asked again for each chunk, told of without a name where it is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from crm.bulk import services
from crm.bulk.models import BulkRow, BulkRun
from crm.bulk.work import work_off
from deals.models import Deal
from tests.access.worlds import member, reloaded
from tests.bulk.runs import after_chunk, chunks_of, start, start_later
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
OWN, ALL, NONE = Level.OWN, Level.ALL, Level.NONE


@pytest.fixture
def ann() -> User:
    return member("ann", contacts=(ALL, OWN), customers=(ALL, OWN), deals=(ALL, OWN))


@pytest.fixture
def ben() -> User:
    return member("ben")


@pytest.fixture
def book(ann: User, ben: User) -> dict[str, Contact]:
    return {
        "amber": make.person("Amber", owner=ann),
        "byron": make.person("Byron", owner=ann),
        "clark": make.person("Clark", owner=ben),
    }


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def owners() -> dict[str, Any]:
    return dict(Contact.objects.values_list("last_name", "owner__username"))


def post(user: Any, key: str, ids: list[int], **more: Any) -> Any:
    record = key.partition(".")[0]
    sent = {
        "action": key, "scope": "rows", "row": ids, "confirmed": "1", "expected": str(len(ids)),
        "token": "token", **more,
    }  # fmt: skip
    return client_of(user).post(reverse(f"{record}s:act"), sent)


def test_rows_that_one_may_only_see_are_refused_and_stay_as_they_are(ann, ben, book):
    run = start("contact.owner", ann, {"owner": ben.pk})
    assert (run.done, run.refused) == (2, 1)
    refused = run.rows.get(state=BulkRow.State.REFUSED)
    assert (refused.record_id, refused.reason) == (book["clark"].pk, "You may not change it.")
    assert owners() == {"Amber": "ben", "Byron": "ben", "Clark": "ben"}


def test_hidden_rows_are_not_among_those_that_were_chosen(ann, ben, book):
    User.objects.filter(pk=ann.pk).update(view_contacts=OWN, view_customers=OWN)
    ids = [one.pk for one in book.values()]
    answer = post(ann, "contact.owner", ids, owner=str(ben.pk))
    assert answer.status_code == 409
    assert "Clark" not in answer.content.decode()
    assert not BulkRun.objects.exists()
    assert owners()["Amber"] == "ann"


def test_who_may_edit_nothing_is_offered_nothing_and_changes_nothing(ann, ben, book):
    page = client_of(ann).get("/contacts/").content.decode()
    assert "contact.owner" in page
    User.objects.filter(pk=ann.pk).update(edit_contacts=NONE, edit_customers=NONE)
    assert "contact.owner" not in client_of(ann).get("/contacts/").content.decode()
    post(ann, "contact.owner", [book["amber"].pk], owner=str(ben.pk))
    assert owners()["Amber"] == "ann"


@pytest.mark.parametrize("record", ["contact", "deal"])
def test_deleting_many_takes_a_right_of_its_own(ann, book, record):
    make.deal(book["amber"], owner=ann, name="Small")
    model: Any = Contact if record == "contact" else Deal
    key = f"{record}.delete"
    ids = [model.objects.get(name="Byron").pk if record == "contact" else Deal.objects.get().pk]
    assert f'value="{key}"' in client_of(ann).get(reverse(f"{record}s:list")).content.decode()
    User.objects.filter(pk=ann.pk).update(may_delete_many=False)
    before = model.objects.count()
    listed = client_of(ann).get(reverse(f"{record}s:list")).content.decode()
    assert f'value="{key}"' not in listed
    assert post(ann, key, ids).status_code == 403
    assert model.objects.count() == before
    assert not BulkRun.objects.exists()
    User.objects.filter(pk=ann.pk).update(may_delete_many=True)
    assert post(ann, key, ids).status_code == 302
    assert model.objects.count() == before - 1


def test_the_right_to_delete_many_is_asked_again_for_each_chunk(ann):
    for number in range(4):
        make.person(f"Zoe {number}", owner=ann)
    run = start_later("contact.delete", ann, {})
    with (
        chunks_of("contact.delete", 1),
        after_chunk(2, lambda: User.objects.filter(pk=ann.pk).update(may_delete_many=False)),
    ):
        work_off(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (BulkRun.State.FAILED, 2)
    assert "Bulk delete" in run.problem
    assert Contact.objects.count() == 2


def test_access_is_asked_again_for_each_chunk(ann, ben):
    for number in range(4):
        make.person(f"Zoe {number}", owner=ann)
    run = start_later("contact.owner", ann, {"owner": ben.pk}, Contact.objects.order_by("pk"))
    levels = {"view_contacts": NONE, "edit_contacts": NONE, "view_customers": NONE}
    levels["edit_customers"] = NONE
    with (
        chunks_of("contact.owner", 1),
        after_chunk(1, lambda: User.objects.filter(pk=ann.pk).update(**levels)),
    ):
        work_off(run.pk)
    run.refresh_from_db()
    assert (run.done, run.refused) == (1, 3)
    assert Contact.objects.filter(owner=ann).count() == 3
    page = client_of(ann).get(f"{run.get_absolute_url()}?show=refused").content.decode()
    assert "Zoe" not in page
    assert "It is not there any more." in page


def test_the_run_of_a_deactivated_user_stops_with_the_reason(ann, ben):
    for number in range(3):
        make.person(f"Zoe {number}", owner=ann)
    run = start_later("contact.owner", ann, {"owner": ben.pk})
    with (
        chunks_of("contact.owner", 1),
        after_chunk(1, lambda: User.objects.filter(pk=ann.pk).update(is_active=False)),
    ):
        work_off(run.pk)
    run.refresh_from_db()
    assert run.state == BulkRun.State.FAILED
    assert "may not sign in any more" in run.problem
    assert Contact.objects.filter(owner=ann).count() == 2


def test_results_name_only_rows_that_one_still_sees(ann, ben, book):
    User.objects.filter(pk=ann.pk).update(
        view_contacts=OWN, view_customers=OWN, edit_contacts=OWN, edit_customers=OWN
    )
    run = start(
        "contact.owner", reloaded(ann), {"owner": ben.pk}, Contact.objects.filter(owner=ann)
    )
    assert run.done == 2
    page = client_of(ann).get(f"{run.get_absolute_url()}?show=done").content.decode()
    assert "Amber" not in page
    assert "Byron" not in page
    assert client_of(ben).get(run.get_absolute_url()).status_code == 404


def test_undoing_asks_for_the_rights_anew(ann, ben, book):
    mine = Contact.objects.filter(owner=ann)
    run = start("contact.owner", ann, {"owner": ben.pk}, mine)
    # What belongs to Ben now, Ann may see and not change.
    undone = services.undo(run, user=reloaded(ann))
    assert (undone.done, undone.refused) == (0, 2)
    assert owners() == {"Amber": "ben", "Byron": "ben", "Clark": "ben"}
    User.objects.filter(pk=ann.pk).update(edit_contacts=ALL, edit_customers=ALL)
    again = start("contact.owner", reloaded(ann), {"owner": None}, Contact.objects.all())
    assert services.undo(again, user=reloaded(ann)).done == 3
    assert owners()["Amber"] == "ben"


def test_nobody_halts_or_undoes_the_run_of_somebody_else(ann, ben, book):
    run = start("contact.owner", ann, {"owner": ben.pk}, Contact.objects.filter(owner=ann))
    for step in ("undo", "cancel", "pause", "resume"):
        url = reverse("bulk:turn", args=[run.pk, step])
        assert client_of(ben).post(url).status_code == 404
    assert BulkRun.objects.count() == 1
    assert owners()["Amber"] == "ben"


def test_the_statements_of_a_restricted_chunk_do_not_grow(ann, ben):
    counts = []
    for number in (2, 12):
        for n in range(number):
            make.person(f"Of {number} {n}", owner=ann)
            make.person(f"Not of {number} {n}", owner=ben)
        run = start_later("contact.owner", ann, {"owner": ann.pk})
        with CaptureQueriesContext(connection) as captured:
            work_off(run.pk)
        counts.append(len(captured))
    assert counts[0] == counts[1]
