"""The product as the walk drives it: each step of the law, through each of the ways in.

A step has the name and the arguments of the oracle's method, and ``via``, which way to take.
``Refused`` is what the product says no with, whatever exception that is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import ProtectedError
from django.utils import timezone

from contacts.models import Contact
from crm.changes import one_change
from crm.trash.models import TrashedRecord
from deals.models import Deal, DealContact, Pipeline, Stage
from deals.services import (
    check_statuses,
    forget_win,
    merge_contacts,
    move_active_deals,
    restore,
    select_status,
    set_primary_contact,
)
from deals.services.sql import moment

REFUSALS = (ValidationError, ProtectedError)


def raw(model: type[models.Model]) -> models.QuerySet[Any]:
    """Rows of a model past every guard, as a fixture or a person at the database has them."""
    return models.QuerySet(model)


class Product:
    def __init__(self, categories: dict[str, str]) -> None:
        pipeline = Pipeline.objects.create(name="Walk")
        self.stages = {
            name: Stage.objects.create(pipeline=pipeline, name=name, category=category)
            for name, category in categories.items()
        }
        self.ids: dict[str, int] = {}

    def contact(self, name: str) -> Contact:
        return Contact.objects.get(pk=self.ids[name])

    def deal(self, name: str) -> Deal:
        return Deal.objects.get(pk=self.ids[name])

    def pks(self, names: list[str]) -> list[int]:
        return [self.ids[name] for name in names]

    def stage(self, name: str) -> Stage:
        return Stage.objects.get(pk=self.stages[name].pk)

    # -- contacts

    def create_contact(
        self, name: str, organization: bool, employer: str | None = None, via: str = "save"
    ) -> None:
        if organization:
            contact = Contact(is_organization=True, name=name)
        else:
            contact = Contact(last_name=name)
        contact.company_id = self.ids[employer] if employer else None
        if via == "bulk_create":
            (contact,) = Contact.objects.bulk_create([contact])
        else:
            contact.save()
        self.ids[name] = contact.pk

    def employ(self, name: str, employer: str | None, via: str = "save") -> None:
        person = self.contact(name)
        company = self.contact(employer) if employer else None
        if via == "update":
            Contact.objects.filter(pk=person.pk).update(company=company)
        elif via == "bulk_update":
            person.company = company
            Contact.objects.bulk_update([person], ["company"])
        elif via == "employees":
            if company:
                company.employees.add(person)
            elif person.company:
                person.company.employees.remove(person)
        elif via == "raw":
            raw(Contact).filter(pk=person.pk).update(company=company)
        else:
            person.company = company
            person.save(update_fields=["company"] if via == "update_fields" else None)

    def set_employees(self, company: str, people: list[str], via: str = "set") -> None:
        if via == "clear" and not people:
            self.contact(company).employees.clear()
        else:
            self.contact(company).employees.set(Contact.objects.filter(pk__in=self.pks(people)))

    def delete_contact(self, names: list[str], via: str = "instance") -> None:
        if via == "queryset":
            Contact.objects.filter(pk__in=self.pks(names)).delete()
        else:
            with one_change():
                for contact in [self.contact(name) for name in names]:
                    contact.delete()

    def merge(self, survivor: str, merged: str) -> None:
        merge_contacts(self.contact(survivor), self.contact(merged))

    # -- deals

    def create_deal(
        self,
        name: str,
        star: str,
        stage: str,
        listed: list[str],
        closed_at: datetime | None = None,
        company: str | None = None,
        via: str = "save",
    ) -> None:
        with one_change():
            deal = Deal(
                name=name,
                primary_contact=self.contact(star),
                stage=self.stage(stage),
                closed_at=closed_at,
                opened_at=timezone.now(),
                company_id=self.ids[company] if company else None,
            )
            if via == "bulk_create":
                Deal.objects.bulk_create([deal])
            else:
                deal.save()
            if via == "add":
                deal.contacts.add(*self.pks(listed))
            elif via == "bulk_create":
                DealContact.objects.bulk_create(
                    [DealContact(deal=deal, contact_id=pk) for pk in self.pks(listed)]
                )
            else:
                for pk in self.pks(listed):
                    DealContact.objects.create(deal=deal, contact_id=pk)
            self.ids[name] = deal.pk

    def move(
        self, deals: list[str], stage: str, closed_at: datetime | None = None, via: str = "save"
    ) -> None:
        rows = Deal.objects.filter(pk__in=self.pks(deals))
        target = self.stage(stage)
        if via == "update":
            rows.update(stage=target)
        elif via == "update_id":
            rows.update(stage_id=target.pk)
        elif via == "stage.deals.add":
            target.deals.add(*rows)
        elif via == "raw":
            raw(Deal).filter(pk__in=self.pks(deals)).update(stage=target)
        elif via == "bulk_update":
            moved = list(rows)
            for deal in moved:
                deal.stage = target
            Deal.objects.bulk_update(moved, ["stage"])
        else:
            with one_change():
                for deal in rows:
                    self._save_moved(deal, target, closed_at, via)

    def _save_moved(self, deal: Deal, stage: Stage, closed_at: datetime | None, via: str) -> None:
        stale = Deal.objects.get(pk=deal.pk)
        if via == "deferred":
            deal = Deal.objects.only("name").get(pk=deal.pk)
        deal.stage = stage
        if closed_at and stage.group != "active" and stage.group != deal.group:
            deal.closed_at = closed_at
        if via == "update_fields":
            deal.save(update_fields=["stage", "closed_at"] if closed_at else ["stage"])
        else:
            deal.save()
        if via == "stale":
            # Somebody else's form, opened before and saved after: it takes nothing back.
            stale.name = f"{stale.name[:20]} again"
            stale.save()

    def date(self, deal: str, closed_at: datetime, via: str = "save") -> None:
        if via == "update":
            Deal.objects.filter(pk=self.ids[deal]).update(closed_at=closed_at)
        else:
            dated = self.deal(deal)
            dated.closed_at = closed_at
            dated.save()

    def star(self, deal: str, star: str, keep_previous: bool, via: str = "service") -> None:
        starred, contact = self.deal(deal), self.contact(star)
        if via == "service":
            set_primary_contact(starred, contact, keep_previous=keep_previous)
        elif via == "update":
            Deal.objects.filter(pk=starred.pk).update(primary_contact=contact)
        elif via == "bulk_update":
            starred.primary_contact = contact
            Deal.objects.bulk_update([starred], ["primary_contact"])
        else:
            starred.primary_contact = contact
            starred.save()

    def name_company(self, deals: list[str], company: str | None, via: str = "update") -> None:
        pk = self.ids[company] if company else None
        rows = Deal.objects.filter(pk__in=self.pks(deals))
        if via == "save":
            with one_change():
                for deal in rows:
                    deal.company_id = pk
                    deal.save()
        else:
            rows.update(company=pk)

    def take_along(self, person: str) -> None:
        move_active_deals(self.contact(person))

    def list_contacts(self, deal: str, names: list[str], via: str = "create") -> None:
        listing, pks = self.deal(deal), self.pks(names)
        if via == "add":
            listing.contacts.add(*pks)
        elif via == "set":
            listing.contacts.set({*pks, *listing.contacts.values_list("pk", flat=True)})
        elif via == "reverse":
            with one_change():
                for name in names:
                    self.contact(name).associated_deals.add(listing)
        elif via == "raw":
            raw(DealContact).bulk_create([DealContact(deal=listing, contact_id=pk) for pk in pks])
        elif via == "bulk_create":
            links = [DealContact(deal=listing, contact_id=pk) for pk in pks]
            DealContact.objects.bulk_create(links, ignore_conflicts=True)
        else:
            with one_change():
                for pk in pks:
                    DealContact.objects.get_or_create(deal=listing, contact_id=pk)

    def unlist_contacts(self, deal: str, names: list[str], via: str = "delete") -> None:
        listing, pks = self.deal(deal), self.pks(names)
        links = DealContact.objects.filter(deal=listing, contact__in=pks)
        if via == "remove":
            listing.contacts.remove(*pks)
        elif via == "clear" and links.count() == listing.links.count():
            listing.contacts.clear()
        elif via == "queryset":
            links.delete()
        elif via == "raw":
            raw(DealContact).filter(pk__in=links.values("pk"))._raw_delete("default")
        else:
            with one_change():
                for link in links:
                    link.delete()

    def move_link(self, source: str, target: str, name: str, via: str = "save") -> None:
        link = DealContact.objects.get(deal=self.ids[source], contact=self.ids[name])
        if via == "update":
            DealContact.objects.filter(pk=link.pk).update(deal=self.ids[target])
        else:
            link.deal = self.deal(target)
            link.save()

    def delete_deals(self, names: list[str], via: str = "instance") -> None:
        rows = Deal.objects.filter(pk__in=self.pks(names))
        if via == "queryset":
            rows.delete()
        else:
            with one_change():
                for deal in rows:
                    deal.delete()

    def category(self, stage: str, category: str, via: str = "save") -> None:
        changed = self.stage(stage)
        if via == "update":
            Stage.objects.filter(pk=changed.pk).update(category=category)
        elif via == "raw":
            raw(Stage).filter(pk=changed.pk).update(category=category)
        else:
            changed.category = category
            if via == "bulk_update":
                Stage.objects.bulk_update([changed], ["category"])
            else:
                changed.save()

    def restore(self, name: str) -> None:
        kind = TrashedRecord.Kind.DEAL if name.startswith("d") else TrashedRecord.Kind.CONTACT
        restore(TrashedRecord.objects.get(kind=kind, record_id=self.ids[name]))

    # -- selections

    def select(
        self,
        name: str,
        prospect: str | None = None,
        customer: str | None = None,
        at: datetime | None = None,
    ) -> None:
        select_status(self.contact(name), prospect=prospect, customer=customer, at=at)

    def forget_win(self, name: str, deal: str) -> None:
        forget_win(self.contact(name), self.deal(deal))

    # -- several steps

    def batch(self, steps: list[tuple[str, dict[str, Any]]]) -> None:
        with one_change():
            for step, arguments in steps:
                getattr(self, step)(**arguments)

    def behind_the_back(self, steps: list[tuple[str, dict[str, Any]]]) -> None:
        for step, arguments in steps:
            getattr(self, step)(**arguments, via="raw")
        check_statuses(fix=True)

    # -- what is stored

    def stored(self) -> dict[str, dict[Any, Any]]:
        """Everything the oracle knows, read in four plain statements."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT id, company_id, prospect_status, customer_status, prospect_mark,
                prospect_marked_at, prospect_mark_had_deal, customer_mark, customer_marked_at,
                customer_mark_had_deal FROM contacts_contact"""
            )
            contacts = {
                pk: (company, prospect, customer, _mark(*prospected), _mark(*marked))
                for pk, company, prospect, customer, *rest in cursor.fetchall()
                for prospected, marked in [(rest[:3], rest[3:])]
            }
            cursor.execute(
                """SELECT id, primary_contact_id, company_id, "group", closed_at FROM deals_deal"""
            )
            deals = {
                pk: (star, company, group, moment(closed_at))
                for pk, star, company, group, closed_at in cursor.fetchall()
            }
            cursor.execute(
                """SELECT deal_id, contact_id, 'listed' FROM deals_dealcontact UNION ALL
                SELECT deal_id, contact_id, 'kept' FROM deals_dealparty WHERE kept"""
            )
            on: dict[Any, Any] = {}
            for deal_id, contact_id, how in cursor.fetchall():
                on.setdefault((deal_id, how), set()).add(contact_id)
        return {"contacts": contacts, "deals": deals, "on deals": on}


def _mark(value: str, at: Any, had_deal: Any) -> tuple[str, datetime | None, bool] | None:
    return (value, moment(at), bool(had_deal)) if value else None
