"""What the card of a contact shows, in a number of queries that does not grow with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.employees import with_deals
from contacts.hidden import hidden_of, name_of
from contacts.models import Contact, StatusChange
from contacts.models.labels import HOLDER, ContactChange
from crm.accounts.access import level_of
from crm.accounts.collaborators import NAME, CollaboratorForm
from crm.accounts.doors import may_edit, sees_all
from crm.accounts.levels import Area, Level
from crm.accounts.models import User
from deals.models import Deal, DealParty
from deals.notices import active_deals_elsewhere
from deals.services import explain
from deals.stages import Group
from emails.cards import MailCard
from emails.timeline import MailRow, mails_of
from settings.cards import Section, changes_of, label_row, sections_of

PAGE = 20
DIGITS = re.compile("[0-9]{1,9}", re.ASCII)
NEWEST_FIRST = ("-recorded_at", "-pk")
# Active deals first, lost ones last.
GROUPS_IN_ORDER = Case(
    When(deal__group=Group.ACTIVE, then=0), When(deal__group=Group.WON, then=1), default=2
)


@dataclass(frozen=True)
class CountingDeal:
    """A deal that counts for the contact; ``said`` is through whom, ``forgettable`` whether it may be forgotten."""

    party: DealParty
    said: str
    forgettable: bool


@dataclass(frozen=True)
class ListingDeal:
    """A deal that merely lists the contact, with what its company and its main contact are called."""

    deal: Deal
    company: str
    star: str


@dataclass
class HistoryRow:
    """A change of a status. The deal is told of by name where the reader may see it."""

    change: StatusChange
    deal_exists: bool
    deal_hidden: bool

    @property
    def recorded_later(self) -> bool:
        """Whether it was written down on another day than it took effect."""
        return self.change.recorded_at.date() != self.change.effective_at.date()


def may_create(user: Any) -> bool:
    """Whether ``user`` may add contacts."""
    return level_of(user, Area.CONTACTS, "edit") >= Level.OWN


class ContactCard:
    """The card of ``contact`` for ``user``; ``query`` holds the pages of its lists."""

    def __init__(self, contact: Contact, user: Any, query: QueryDict) -> None:
        self.contact = contact
        self.user = user
        self.query = query

    @cached_property
    def statuses(self) -> list[Any]:
        explanation = explain(self.contact, reader=self.user, as_loaded=True)
        return [explanation.prospect, explanation.customer]

    # -- what the reader may do

    @cached_property
    def may_edit(self) -> bool:
        return may_edit(self.contact, self.user)

    @cached_property
    def may_add_deal(self) -> bool:
        return self.may_edit and level_of(self.user, Area.DEALS, "edit") >= Level.OWN

    @cached_property
    def may_add_employee(self) -> bool:
        return self.may_edit and may_create(self.user)

    @cached_property
    def mail(self) -> MailCard:
        """Whether it can be mailed, and on what ground."""
        return MailCard(self.contact, self.user, may_edit=self.may_edit)

    # -- who works on it

    @cached_property
    def _people(self) -> list[User]:
        """Whom one may choose, and who collaborates, which ``collaborates`` says."""
        theirs = self.contact.collaborations.order_by().values("user")
        users = User.objects.filter(pk__in=theirs)
        if self.may_edit:
            users = users | User.objects.filter(is_active=True)
        return list(users.annotate(collaborates=Q(pk__in=theirs)).order_by(*NAME))

    @cached_property
    def collaborators(self) -> list[User]:
        return [one for one in self._people if one.collaborates]  # type: ignore[attr-defined]

    @cached_property
    def collaborator_form(self) -> CollaboratorForm | None:
        """To add somebody and to remove somebody, for who may; its choices cost no statement more."""
        if not self.may_edit:
            return None
        form = CollaboratorForm(record=self.contact)
        field: Any = form.fields["on"]
        others = [one for one in self._people if one not in self.collaborators]
        field.widget.choices = [("", field.empty_label)] + [
            (one.pk, str(one)) for one in others if one.pk != self.contact.owner_id
        ]
        return form

    # -- what it names

    @cached_property
    def hidden(self) -> frozenset[int]:
        """The contacts that it names and that the reader may not see."""
        named = {self.contact.company_id, self.contact.parent_company_id}
        shown = [*(party.deal for party in self._counting), *self._listing]
        for deal in shown:
            named |= {deal.primary_contact_id, deal.company_id}
        return hidden_of(named - {self.contact.pk}, self.user)

    @cached_property
    def company(self) -> str:
        return name_of(self.contact.company, self.hidden)

    @cached_property
    def parent_company(self) -> str:
        return name_of(self.contact.parent_company, self.hidden)

    # -- deals

    @cached_property
    def _deals(self) -> QuerySet[Deal]:
        return Deal.objects.visible_to(self.user)

    @cached_property
    def _sees_all_deals(self) -> bool:
        return sees_all(self.user, Area.DEALS)

    @cached_property
    def counting(self) -> Page:
        """A page of ``CountingDeal``, active deals first."""
        page = self._counting
        kept = [party.deal_id for party in page.object_list if party.kept]
        mine: set[int] = set()
        if kept and self.may_edit:
            edited = Deal.objects.editable_by(self.user).filter(pk__in=kept)
            mine = set(edited.order_by().values_list("pk", flat=True))
        rows = [
            CountingDeal(party, self._role(party), party.kept and party.deal_id in mine)
            for party in page.object_list
        ]
        return with_rows(page, rows)

    def _role(self, party: DealParty) -> str:
        deal = party.deal
        if party.kept:
            return _("Kept win: not on this deal any more")
        if deal.primary_contact_id == self.contact.pk:
            return _("Main contact")
        star = {"name": name_of(deal.primary_contact, self.hidden)}
        through = deal.company_id == self.contact.pk
        return _("Through %(name)s") % star if through else _("With %(name)s") % star

    @cached_property
    def _counting(self) -> Page:
        parties = (
            DealParty.objects.filter(contact=self.contact, deal__in=self._deals)
            .select_related("deal__stage", "deal__primary_contact", "deal__company")
            .alias(place=GROUPS_IN_ORDER)
            .order_by("place", F("deal__closed_at").desc(), "-deal__opened_at", "-deal_id")
        )
        return self._page(parties, "deals")

    @cached_property
    def hidden_deals(self) -> int:
        """How many deals count for the contact that the reader may not see."""
        if self._sees_all_deals:
            return 0
        return DealParty.objects.filter(contact=self.contact).exclude(deal__in=self._deals).count()

    @cached_property
    def listing(self) -> Page:
        """A page of ``ListingDeal``. Hidden ones are not even counted: they leave the contact alone."""
        rows = [
            ListingDeal(
                deal,
                name_of(deal.company, self.hidden),
                name_of(deal.primary_contact, self.hidden),
            )
            for deal in self._listing.object_list
        ]
        return with_rows(self._listing, rows)

    @cached_property
    def _listing(self) -> Page:
        deals = (
            self._deals.filter(links__contact=self.contact)
            .exclude(parties__contact=self.contact)
            .select_related("stage", "primary_contact", "company")
            .order_by("-opened_at", "-pk")
        )
        return self._page(deals, "listed")

    @cached_property
    def deals_elsewhere(self) -> int:
        """How many active deals the reader may move along to the company of the contact."""
        return active_deals_elsewhere(self.contact, self.user) if self.may_edit else 0

    @cached_property
    def subsidiaries(self) -> Page | None:
        return self._below["subsidiaries"] if self.contact.is_organization else None

    @cached_property
    def employees(self) -> Page | None:
        """A page of ``Employee``; None for a person."""
        if not self.contact.is_organization:
            return None
        page = self._below["employees"]
        people = list(page.object_list)
        shown = with_deals(people, self.contact, self._deals, all_deals=self._sees_all_deals)
        return with_rows(page, shown)

    @cached_property
    def _below(self) -> dict[str, Page]:
        """A page of the employees and one of the subsidiaries, in one statement."""
        seen = Contact.objects.visible_to(self.user).order_by("sort_key", "pk")
        below = {
            "employees": seen.filter(company=self.contact),
            "subsidiaries": seen.filter(parent_company=self.contact),
        }
        wanted, totals = Q(), {}
        for name, rows in below.items():
            first = (self._number(name) - 1) * PAGE
            wanted |= Q(pk__in=rows.values("pk")[first : first + PAGE])
            totals[f"of_{name}"] = Subquery(_counted(rows))
        shown = list(Contact.objects.filter(wanted).annotate(**totals).order_by("sort_key", "pk"))
        of_kind = {
            "employees": [one for one in shown if one.company_id == self.contact.pk],
            "subsidiaries": [one for one in shown if one.parent_company_id == self.contact.pk],
        }
        return {
            name: self._page_of(name, rows, found, getattr(found[0], f"of_{name}") if found else 0)
            for (name, rows), found in zip(below.items(), of_kind.values(), strict=True)
        }

    @cached_property
    def sections(self) -> list[Section]:
        """Tags and custom fields, by category."""
        return sections_of(
            HOLDER,
            self.contact,
            self.user,
            tag_list=reverse("contacts:list"),
            card_of=lambda pk: reverse("contacts:card", args=[pk]),
        )

    @cached_property
    def history(self) -> Page:
        """A page of ``HistoryRow``, ``LabelRow`` and ``MailRow``, newest first; three statements."""
        number = self._number("history")
        there = self._deals.filter(pk=OuterRef("deal_id"))
        statuses = StatusChange.objects.filter(contact=self.contact.pk).order_by(*NEWEST_FIRST)
        of_each: list[tuple[list[Any], int]] = [
            _first(rows.select_related("actor"), number * PAGE)
            for rows in (
                statuses.annotate(deal_exists=Exists(there)),
                changes_of(HOLDER, self.contact),
            )
        ]
        of_each.append(mails_of(self.contact, number * PAGE, self.user))
        rows = sorted(
            (row for many, _total in of_each for row in many),
            key=lambda row: (row.recorded_at, isinstance(row, ContactChange), row.pk),
            reverse=True,
        )
        total = sum(total for _many, total in of_each)
        page: Any = Paginator(range(total), PAGE).get_page(number)
        shown = rows[page.start_index() - 1 : page.end_index()]
        page.object_list = [self._history_row(row) for row in shown]
        return page

    def _history_row(self, row: Any) -> Any:
        if isinstance(row, ContactChange):
            return label_row(row, self.user)
        if isinstance(row, MailRow):
            return row
        return HistoryRow(row, row.deal_exists, self._hides(row))

    def _hides(self, row: Any) -> bool:
        """Whether a row of the history tells of a deal that the reader may not see, or might not if it were there."""
        named = bool(row.deal_name or row.deal_id)
        return named and not row.deal_exists and not self._sees_all_deals

    def _page(self, rows: Any, name: str) -> Page:
        """A page of ``rows``; one statement that also counts them."""
        found, total = _first(rows, PAGE, (self._number(name) - 1) * PAGE)
        return self._page_of(name, rows, found, total)

    def _page_of(self, name: str, rows: Any, found: list[Any], total: int) -> Page:
        number = self._number(name)
        page: Any = Paginator(range(total), PAGE).get_page(number)
        page.object_list = found
        if not found and number > 1:
            # An address from yesterday may name a page that is gone: the nearest one is shown.
            page = Paginator(rows, PAGE).get_page(number)
        return page

    def _number(self, name: str) -> int:
        sent = self.query.get(name, "")
        # Nobody has more, and the database knows no larger offsets.
        return min(max(int(sent), 1), 10**6) if DIGITS.fullmatch(sent) else 1


def _first(rows: Any, many: int, after: int = 0) -> tuple[list[Any], int]:
    """Some of ``rows`` from a place on, and how many there are in all, where there is any at that place."""
    found = list(rows.annotate(of_all=Subquery(_counted(rows)))[after : after + many])
    return found, found[0].of_all if found else 0


def _counted(rows: Any) -> Any:
    counted = rows.order_by().annotate(one=Value(1)).values("one").annotate(total=Count("pk"))
    return counted.values("total")


def with_rows(page: Page, rows: Sequence[Any]) -> Page:
    """The same page with others in the place of what it holds."""
    other: Any = Paginator(range(page.paginator.count), page.paginator.per_page).page(page.number)
    other.object_list = rows
    return other
