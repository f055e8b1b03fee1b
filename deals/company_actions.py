"""Giving many people another company, with all that follows for deals, and taking it back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.actions import ContactAction
from contacts.events import company_changing
from contacts.models import Contact
from crm.bulk import sql
from crm.bulk.actions import (
    Left,
    Outcome,
    as_text,
    done,
    edited_since,
    refused,
    register,
    unchanged,
)
from crm.bulk.models import BulkRun
from crm.changes import one_change
from deals.access import editable_contacts
from deals.models import Deal
from deals.services import lock_deals_of
from deals.services.put_back import kept_wins, put_back_wins


@register
class SetCompany(ContactAction):
    """Gives people another company, or none: ``{"company": id or None}``.

    Whom deals count for follows, as when each of them is saved. Undoing it also gives back the
    wins kept before, and takes no win along that only the mistake brought.
    """

    key = "contact.company"
    label = gettext_lazy("Company")
    chunk = 500

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        company: Any = params.get("company")
        found = Contact.objects.editable_by(user).companies().filter(pk=company)
        if company is not None and not found.exists():
            raise ValidationError(_("Choose a company that exists and that you may edit."))

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        self.check(run.params, run.user)
        company = run.params.get("company")
        outcomes: list[Outcome] = []
        moving: dict[int, Any] = {}
        with one_change():
            for pk, (is_organization, employer) in _lock_people(ids).items():
                if is_organization:
                    outcomes.append(refused(pk, _("A company has no employer.")))
                elif employer == company:
                    outcomes.append(unchanged(pk))
                else:
                    moving[pk] = {"company": employer}
            before = _with_ties(moving)
            rows = Contact.objects.filter(pk__in=list(moving))
            rows.update(company=company, updated_at=timezone.now())
        after = as_text({"company": company})
        return outcomes + [done(pk, as_text(before[pk]), after) for pk in moving]

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        was = {row.record_id: json.loads(row.before) for row in rows}
        left = {row.record_id: json.loads(row.after)["company"] for row in rows}
        outcomes: list[Outcome] = []
        moving: dict[int, Any] = {}
        with one_change() as change:
            people = _lock_people(was)
            wanted = {one["company"] for one in was.values()} - {None}
            companies = set(_ids(Contact.objects.filter(pk__in=wanted)))
            editable = editable_contacts(companies, run.user) | {None}
            for pk, one in was.items():
                employer = people[pk][1]
                if employer == one["company"]:
                    outcomes.append(unchanged(pk))
                elif employer != left[pk]:
                    outcomes.append(edited_since(pk))
                elif one["company"] not in companies | {None}:
                    outcomes.append(refused(pk, _("Its company before does not exist any more.")))
                elif one["company"] not in editable:
                    outcomes.append(refused(pk, _("Its company before is none that you may edit.")))
                else:
                    moving[pk] = {"company": employer}
            before = _with_ties(moving)
            # A win that came with the company goes with it: nobody is to keep it by a mistake.
            theirs = Deal.objects.won().filter(parties__contact__in=list(moving)).order_by()
            change.merged_parties.update(theirs.values_list("pk", "parties__contact"))
            _move_back({pk: was[pk] for pk in moving}, left)
        put_back_wins(
            (deal, pk, parse_datetime(joined) if joined else None)
            for pk in moving
            for deal, joined in was[pk]["kept"]
        )
        return outcomes + [done(pk, as_text(before[pk]), as_text(was[pk])) for pk in moving]

    def names(self, params: Mapping[str, Any]) -> dict[str, str]:
        company = Contact.objects.filter(pk=params.get("company") or 0).first()
        return {"company": company.name} if company else {}

    def labelled(self, params: Mapping[str, Any]) -> str:
        return _("Company: %(company)s") % {"company": self.named(params, "company") or _("none")}

    def said(self, run: BulkRun) -> str:
        return _("Company of %(records)s set") % {"records": self.counted(run.done)}


def _ids(rows: Any) -> list[int]:
    return list(rows.order_by().values_list("pk", flat=True))


def _lock_people(ids: Iterable[int]) -> dict[int, tuple[bool, int | None]]:
    """Contacts, locked behind their deals: whether a company, and its employer."""
    ids = list(ids)
    lock_deals_of(ids)
    rows = Contact.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
    return {pk: tuple(row) for pk, *row in rows.values_list("pk", "is_organization", "company_id")}  # type: ignore[misc]


def _with_ties(people: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What else goes when they leave their company: wins kept, active deals without a company."""
    found: dict[int, dict[str, Any]] = {
        pk: row | {"kept": [], "lone": []} for pk, row in people.items()
    }
    if found:
        for deal, contact, joined in kept_wins(contacts=found):
            found[contact]["kept"].append([deal, joined])
        lone = Deal.objects.active().filter(company=None, primary_contact__in=list(found))
        for pk, contact in lone.order_by("pk").values_list("pk", "primary_contact"):
            found[contact]["lone"].append(pk)
    return found


def _move_back(was: Mapping[int, dict[str, Any]], left: Mapping[int, int | None]) -> None:
    if not was:
        return
    company_changing.send(Contact, contact_ids=list(was))
    now = timezone.now()
    rows = [[pk, one["company"], now] for pk, one in was.items()]
    sql.write_values(Contact, ["company", "updated_at"], rows)
    lone = [deal for one in was.values() for deal in one["lone"]]
    companies = {left[pk] for pk, one in was.items() if one["lone"]}
    # They took the company because their star had one.
    Deal.objects.filter(pk__in=lone, company__in=companies).update(company=None)
