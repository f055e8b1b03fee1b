"""What the card of a deal shows, in a number of queries that does not grow with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.hidden import hidden_of, name_of, sees_all_contacts
from contacts.models import Contact
from crm.accounts.collaborators import CollaboratorForm, collaborators_of
from crm.accounts.doors import may_edit
from crm.accounts.models import User
from deals.access import editable_contacts
from deals.models import Deal, DealContact, DealParty, Stage
from deals.models.labels import HOLDER
from deals.services.required import required_at
from deals.stages import Category, Group
from settings.cards import Section, changes_of, label_row, sections_of

PAGE = 50
HISTORY = 10


@dataclass(frozen=True)
class Step:
    """A stage on the deal's bar."""

    stage: Stage
    current: bool
    passed: bool
    # It asks first: somebody's statuses follow, or the deal lacks a field that the stage needs.
    asks: bool


@dataclass(frozen=True)
class OnDeal:
    """An associated contact, and whether the deal counts for it; if not, why not.

    ``editable`` says that the reader may take it off and make it the main contact.
    """

    link: DealContact
    contact: Contact
    counts: bool
    reason: str
    editable: bool


@dataclass(frozen=True)
class Keeping:
    """Who keeps the win without being on the deal, with its company's name where the reader may see it."""

    contact: Contact
    company: str
    forgettable: bool


class DealCard:
    """The card of ``deal`` for ``user``; ``query`` holds the page of its contacts."""

    def __init__(self, deal: Deal, user: Any, query: QueryDict) -> None:
        self.deal = deal
        self.user = user
        self.query = query

    @cached_property
    def may_edit(self) -> bool:
        return may_edit(self.deal, self.user)

    # -- whom it names

    @cached_property
    def hidden(self) -> frozenset[int]:
        """The contacts it names that the reader may not see."""
        star = self.deal.primary_contact
        named = {star.pk, star.company_id, self.deal.company_id}
        named |= {link.contact.company_id for link in self._links.object_list}
        named |= {contact.company_id for contact in self._kept}
        return hidden_of(named, self.user)

    @cached_property
    def editable(self) -> frozenset[int]:
        """Those beside the deal whom the reader may change."""
        if not self.may_edit:
            return frozenset()
        shown = [link.contact_id for link in self._links.object_list]
        return editable_contacts([*shown, *(contact.pk for contact in self._kept)], self.user)

    @property
    def star(self) -> str:
        return name_of(self.deal.primary_contact, self.hidden)

    @property
    def company(self) -> str:
        return name_of(self.deal.company, self.hidden)

    @property
    def company_of_star(self) -> str:
        """Where the main contact works, for who may see the main contact."""
        star = self.deal.primary_contact
        return "" if star.pk in self.hidden else name_of(star.company, self.hidden)

    # -- who works on it

    @cached_property
    def collaborators(self) -> list[User]:
        return collaborators_of(self.deal)

    @cached_property
    def collaborator_form(self) -> CollaboratorForm | None:
        return CollaboratorForm(record=self.deal) if self.may_edit else None

    # -- tags and fields

    @cached_property
    def sections(self) -> list[Section]:
        """Tags and custom fields."""
        return sections_of(
            HOLDER,
            self.deal,
            self.user,
            tag_list=reverse("deals:list"),
            card_of=lambda pk: reverse("contacts:card", args=[pk]),
        )

    @cached_property
    def history(self) -> Page:
        """A page of ``LabelRow``: what was changed of tags and custom fields, newest first."""
        changes = changes_of(HOLDER, self.deal).select_related("actor")
        page: Page = Paginator(changes, HISTORY).get_page(self.query.get("history"))
        page.object_list = [label_row(row, self.user) for row in page.object_list]
        return page

    @cached_property
    def steps(self) -> list[Step]:
        """Every stage of the deal's pipeline, in order."""
        here = self.deal.stage_id
        stages = [
            stage
            for stage in self.deal.stage.pipeline.stages.all()
            if not stage.archived or stage.pk == here
        ]
        asked = required_at(stages)
        lacking = {field.pk for section in self.sections for field in section.empty}
        at = next(number for number, stage in enumerate(stages) if stage.pk == here)
        return [
            Step(
                stage,
                current=stage.pk == here,
                passed=number < at and stage.group == Group.ACTIVE,
                asks=stage.group != self.deal.group
                or any(field.pk in lacking for field in asked.get(stage.pk, ())),
            )
            for number, stage in enumerate(stages)
        ]

    @property
    def open_steps(self) -> list[Step]:
        return [step for step in self.steps if step.stage.group == Group.ACTIVE]

    @property
    def closing_steps(self) -> list[Step]:
        order = [Category.WON, Category.LOST, Category.UNQUALIFIED]
        closing = [step for step in self.steps if step.stage.group != Group.ACTIVE]
        return sorted(closing, key=lambda step: order.index(Category(step.stage.category)))

    @property
    def first_open(self) -> Stage | None:
        return self.open_steps[0].stage if self.open_steps else None

    @cached_property
    def _links(self) -> Page:
        links = (
            DealContact.objects.filter(
                deal=self.deal, contact__in=Contact.objects.visible_to(self.user)
            )
            .select_related("contact__company")
            .order_by("contact__sort_key", "pk")
        )
        page: Page = Paginator(links, PAGE).get_page(self.query.get("contacts"))
        page.object_list = list(page.object_list)
        return page

    @cached_property
    def contacts(self) -> Page:
        """A page of ``OnDeal``: the associated contacts that the reader may see."""
        rows = list(self._links.object_list)
        parties = set(
            DealParty.objects.filter(
                deal=self.deal, kept=False, contact__in=[link.contact_id for link in rows]
            ).values_list("contact_id", flat=True)
        )
        shown = [
            OnDeal(
                link,
                link.contact,
                link.contact_id in parties,
                "" if link.contact_id in parties else self._why_not(link.contact),
                link.contact_id in self.editable,
            )
            for link in rows
        ]
        page = Paginator(range(self._links.paginator.count), PAGE).page(self._links.number)
        page.object_list = shown  # type: ignore[assignment]
        return page

    @cached_property
    def hidden_contacts(self) -> int:
        """How many more are associated, whom the reader may not see."""
        if sees_all_contacts(self.user):
            return 0
        seen = Contact.objects.visible_to(self.user)
        return DealContact.objects.filter(deal=self.deal).exclude(contact__in=seen).count()

    def _why_not(self, contact: Contact) -> str:
        if self.deal.company_id is None:
            return _("the deal has no company, so only its main contact counts")
        if contact.is_organization:
            return _("another company than the deal's")
        if contact.company is None:
            return _("works for no company")
        if contact.company_id in self.hidden:
            return _("works for another company, which you cannot see")
        return _("works for another company, %(company)s") % {"company": contact.company.name}

    # -- who keeps the win

    @cached_property
    def _all_kept(self) -> Any:
        return DealParty.objects.filter(deal=self.deal, kept=True)

    @cached_property
    def _kept(self) -> list[Contact]:
        if self.deal.group != Group.WON:
            return []
        return list(
            Contact.objects.visible_to(self.user)
            .filter(pk__in=self._all_kept.values("contact"))
            .select_related("company")
            .order_by("sort_key", "pk")[:PAGE]
        )

    @cached_property
    def kept(self) -> list[Keeping]:
        """Who keeps the win without being on the deal and may be seen, up to a page."""
        return [
            Keeping(one, name_of(one.company, self.hidden), one.pk in self.editable)
            for one in self._kept
        ]

    @cached_property
    def hidden_kept(self) -> int:
        """How many more keep it, whom the reader may not see."""
        if self.deal.group != Group.WON or sees_all_contacts(self.user):
            return 0
        seen = Contact.objects.visible_to(self.user)
        return int(self._all_kept.exclude(contact__in=seen).count())
