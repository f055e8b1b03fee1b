"""The law in two wordings, and that nobody but the status service can write what it rests on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from contacts.models import Contact, StatusChange
from contacts.statuses import CUSTOMER_MARKS, GUARDED, PROSPECT_MARKS, Standing
from crm.accounts.models import User
from crm.actor import acting_as
from deals.models import Deal, DealContact, Stage
from deals.services import select_status
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TINY = timedelta(microseconds=1)


def raw(model: type[models.Model]) -> models.QuerySet[Any]:
    """Rows past every guard of the product, as plain SQL would write them."""
    return models.QuerySet(model)


def standings() -> Iterator[Standing]:
    """Every combination of facts and marks, with each order of marking and closing."""
    moments = (NOW - TINY, NOW, NOW + TINY)
    for active, won, lost in itertools.product((0, 1, 3), (0, 1, 2), (0, 1, 2)):
        for prospect, customer in itertools.product(("", *PROSPECT_MARKS), ("", *CUSTOMER_MARKS)):
            for prospect_at in moments if prospect else (None,):
                for customer_at in moments if customer else (None,):
                    yield Standing(
                        active=active,
                        won=won,
                        lost=lost,
                        last_won_at=NOW if won else None,
                        last_lost_at=NOW if lost else None,
                        prospect_mark=prospect,
                        prospect_marked_at=prospect_at,
                        customer_mark=customer,
                        customer_marked_at=customer_at,
                    )


def stored(standing: Standing) -> dict[str, Any]:
    return {
        "active_deals": standing.active,
        "won_deals": standing.won,
        "lost_deals": standing.lost,
        "last_won_at": standing.last_won_at,
        "last_lost_at": standing.last_lost_at,
        "prospect_mark": standing.prospect_mark,
        "prospect_marked_at": standing.prospect_marked_at,
        "customer_mark": standing.customer_mark,
        "customer_marked_at": standing.customer_marked_at,
    }


def by_the_law(standing: Standing) -> tuple[str, str]:
    """Section 4, a third time, line by line."""
    outranked = standing.last_lost_at and standing.prospect_marked_at
    if standing.active > 0:
        prospect = "current"
    elif standing.won > 0:
        prospect = "none"
    elif standing.prospect_mark and not (
        outranked and standing.prospect_marked_at < standing.last_lost_at  # type: ignore[operator]
    ):
        prospect = standing.prospect_mark
    else:
        prospect = "lost" if standing.lost > 0 else "none"
    if standing.won > 0:
        past = standing.customer_mark == "past"
        holds = past and standing.customer_marked_at >= standing.last_won_at  # type: ignore[operator]
        return prospect, "past" if holds else "current"
    return prospect, standing.customer_mark or "none"


def test_database_and_functions_agree_on_every_combination() -> None:
    every = list(standings())
    assert len(every) == 27 * 7 * 7
    raw(Contact).bulk_create(
        [
            Contact(last_name=str(number), name=str(number), **stored(standing))
            for number, standing in enumerate(every)
        ]
    )
    rows = Contact.objects.values_list("name", "prospect_status", "customer_status")
    shown = {int(name): (prospect, customer) for name, prospect, customer in rows}
    for number, standing in enumerate(every):
        assert shown[number] == (standing.prospect, standing.customer) == by_the_law(standing), (
            standing
        )


def test_no_forbidden_combination_is_derived() -> None:
    for standing in standings():
        assert (standing.prospect == "current") == (standing.active > 0)
        if standing.won:
            assert standing.prospect != "lost"
            assert standing.customer != "none"


@pytest.mark.parametrize(
    "values",
    [
        {"prospect_mark": "current", "prospect_marked_at": NOW},
        {"prospect_mark": "past", "prospect_marked_at": NOW},
        {"prospect_mark": "lost"},
        {"prospect_marked_at": NOW},
        {"customer_mark": "none", "customer_marked_at": NOW},
        {"customer_mark": "lost", "customer_marked_at": NOW},
        {"customer_mark": "past"},
        {"customer_marked_at": NOW},
        {"won_deals": 1},
        {"last_won_at": NOW},
        {"lost_deals": 2},
        {"last_lost_at": NOW},
        {"active_deals": -1},
    ],
    ids=str,
)
def test_database_refuses_facts_and_marks_that_cannot_be(values: dict[str, Any]) -> None:
    contact = person()
    with pytest.raises(IntegrityError), transaction.atomic():
        raw(Contact).filter(pk=contact.pk).update(**values)


def test_company_has_no_employer() -> None:
    one, other = company(), company()
    with pytest.raises(IntegrityError), transaction.atomic():
        raw(Contact).filter(pk=one.pk).update(company=other)
    one.company = other
    with pytest.raises(ValidationError, match="no employer"):
        one.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        one.save()


def test_person_has_no_parent_company_and_a_company_not_itself() -> None:
    one, somebody = company(), person()
    for pk, values in (
        (somebody.pk, {"parent_company": one}),
        (one.pk, {"parent_company": one}),
        (somebody.pk, {"company": somebody}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            raw(Contact).filter(pk=pk).update(**values)


def test_contact_needs_a_name() -> None:
    for values in ({"last_name": "", "name": ""}, {"is_organization": True, "name": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            raw(Contact).create(**values)


def test_contact_is_on_a_deal_once() -> None:
    one, somebody = deal(person()), person()
    DealContact.objects.create(deal=one, contact=somebody)
    with pytest.raises(IntegrityError), transaction.atomic():
        DealContact.objects.create(deal=one, contact=somebody)


@pytest.mark.parametrize(
    ("category", "values"),
    [
        ("incoming", {"closed_at": NOW}),
        ("won", {"closed_at": None}),
        ("lost", {"closed_at": None}),
        ("incoming", {"group": "won"}),
        ("won", {"group": "active"}),
        ("won", {"name": ""}),
    ],
)
def test_database_refuses_deals_that_cannot_be(category: str, values: dict[str, Any]) -> None:
    one = deal(person(), category)
    with pytest.raises(IntegrityError), transaction.atomic():
        raw(Deal).filter(pk=one.pk).update(**values)


def test_stage_has_a_known_category() -> None:
    stage = default_stages()["won"]
    with pytest.raises(IntegrityError), transaction.atomic():
        raw(Stage).filter(pk=stage.pk).update(category="sold")


# -- nobody can write a status

FORGED: dict[str, Any] = {
    "prospect_status": "lost",
    "customer_status": "current",
    "active_deals": 5,
    "won_deals": 5,
    "lost_deals": 5,
    "last_won_at": NOW,
    "last_lost_at": NOW,
    "prospect_since": NOW,
    "customer_since": NOW,
    "prospect_mark": "lost",
    "prospect_marked_at": NOW,
    "prospect_mark_had_deal": True,
    "customer_mark": "past",
    "customer_marked_at": NOW,
    "customer_mark_had_deal": True,
}


def test_forged_fields_are_all_there_are() -> None:
    assert {*FORGED, "prospect_marked_by", "customer_marked_by"} == GUARDED


def columns(contact: Contact) -> dict[str, Any]:
    names = [*FORGED, "prospect_marked_by_id", "customer_marked_by_id"]
    return Contact.objects.values(*names).get(pk=contact.pk)


@pytest.mark.parametrize("name", FORGED)
def test_saving_a_contact_ignores_a_forged_field(name: str) -> None:
    contact = person()
    before = columns(contact)
    setattr(contact, name, FORGED[name])
    contact.title = "Head of Purchasing"
    contact.save()
    assert columns(contact) == before
    assert Contact.objects.get(pk=contact.pk).title == "Head of Purchasing"


@pytest.mark.parametrize("name", FORGED)
def test_bulk_writes_refuse_a_forged_field(name: str) -> None:
    contact = person()
    before = columns(contact)
    for manager in (Contact.objects, Contact._base_manager, Contact.objects.filter(pk=contact.pk)):
        with pytest.raises(ValueError, match=name):
            manager.update(**{name: FORGED[name]})
    setattr(contact, name, FORGED[name])
    with pytest.raises(ValueError, match=name):
        contact.save(update_fields=[name])
    with pytest.raises(ValueError, match=name):
        Contact.objects.bulk_update([contact], [name])
    with pytest.raises(ValueError, match=name):
        Contact.objects.bulk_create(
            [contact], update_conflicts=True, unique_fields=["id"], update_fields=[name]
        )
    assert columns(contact) == before


@pytest.mark.parametrize("name", FORGED)
def test_new_contacts_begin_without_a_forged_field(name: str) -> None:
    plain = columns(person())
    given = {} if name.endswith("_status") else {name: FORGED[name]}
    created = Contact.objects.create(last_name="Forger", **given)
    (bulk,) = Contact.objects.bulk_create([Contact(last_name="Forger", **given)])
    assert columns(created) == plain
    assert columns(bulk) == plain


@pytest.mark.parametrize("name", ["prospect_status", "customer_status"])
def test_plain_sql_cannot_write_a_status(name: str) -> None:
    contact = person()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE contacts_contact SET {name} = 'current' WHERE id = %s", [contact.pk]
        )
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO contacts_contact (name, last_name, {name}) VALUES ('A', 'A', 'current')"
        )


def test_person_stays_a_person_and_a_company_a_company() -> None:
    somebody = person()
    somebody.is_organization = True
    with pytest.raises(ValidationError):
        somebody.save()
    with pytest.raises(ValueError):
        Contact.objects.filter(pk=somebody.pk).update(is_organization=True)


def test_person_cannot_work_for_a_person() -> None:
    boss, somebody = person(), person()
    somebody.company = boss
    with pytest.raises(ValidationError):
        somebody.save()
    with pytest.raises(ValidationError):
        person(company=boss)


def test_deleting_the_user_who_selected_keeps_the_mark() -> None:
    user = User.objects.create_user("ann", password="a long enough one")
    contact = person()
    with acting_as(user):
        select_status(contact, prospect="lost", customer="past")
    user.delete()
    contact.refresh_from_db()
    assert (contact.prospect_status, contact.customer_status) == ("lost", "past")
    assert contact.prospect_marked_by_id is None
    assert contact.customer_marked_by_id is None


# -- forms that were opened before


def test_contact_form_opened_before_a_deal_closed_puts_nothing_old_back() -> None:
    contact = company()
    sold = deal(contact)
    form = Contact.objects.get(pk=contact.pk)
    sold.stage = default_stages()["won"]
    sold.save()
    select_status(Contact.objects.get(pk=contact.pk), customer="past")
    form.phone = "030 123"
    form.save()
    contact.refresh_from_db()
    assert (contact.prospect_status, contact.customer_status) == ("none", "past")
    assert contact.won_deals == 1
    assert contact.customer_mark == "past"


def test_deal_form_opened_before_somebody_moved_it_takes_nothing_back() -> None:
    first, second = company(), company()
    sold = deal(first)
    form = Deal.objects.get(pk=sold.pk)
    sold.stage = default_stages()["won"]
    sold.primary_contact = second
    sold.save()
    won = Deal.objects.get(pk=sold.pk)
    form.name = "Renamed"
    form.save()
    again = Deal.objects.get(pk=sold.pk)
    assert again.name == "Renamed"
    for name in ("stage_id", "group", "closed_at", "primary_contact_id", "company_id", "opened_at"):
        assert getattr(again, name) == getattr(won, name), name
    second.refresh_from_db()
    assert second.customer_status == "current"


def test_move_is_not_lost_when_other_fields_are_refreshed() -> None:
    contact = company()
    sold = Deal.objects.get(pk=deal(contact).pk)
    sold.stage = default_stages()["won"]
    sold.refresh_from_db(fields=["name"])
    sold.save()
    contact.refresh_from_db()
    assert contact.customer_status == "current"


def test_move_of_a_deal_loaded_in_part_is_not_lost() -> None:
    contact = company()
    sold = Deal.objects.only("name").get(pk=deal(contact).pk)
    sold.stage = default_stages()["won"]
    sold.closed_at = NOW - timedelta(days=400)
    sold.save()
    contact.refresh_from_db()
    assert contact.customer_status == "current"
    assert contact.last_won_at == NOW - timedelta(days=400)


def test_saving_what_somebody_deleted_is_refused() -> None:
    contact = company()
    sold = deal(contact)
    form, contact_form = Deal.objects.get(pk=sold.pk), Contact.objects.get(pk=contact.pk)
    sold.delete()
    with pytest.raises(ValidationError, match="deleted"):
        form.save()
    contact.delete()
    with pytest.raises(ValidationError, match="deleted"):
        contact_form.save()
    assert not Deal.objects.exists()
    assert not Contact.objects.exists()


def test_status_is_read_back_where_the_wordings_would_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contact = company()
    monkeypatch.setattr(Standing, "prospect", property(lambda self: "none"))
    with pytest.raises(RuntimeError, match="the law in Python"):
        deal(contact)
    assert not Deal.objects.exists()
    assert not StatusChange.objects.exists()
