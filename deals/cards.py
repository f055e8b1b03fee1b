"""What the card of a deal shows, in a number of queries that does not grow with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.models import Contact
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
    """An associated contact, and whether the deal counts for it; if not, why not."""

    link: DealContact
    contact: Contact
    counts: bool
    reason: str


class DealCard:
    """The card of ``deal`` for ``user``; ``query`` holds the page of its contacts."""

    def __init__(self, deal: Deal, user: Any, query: QueryDict) -> None:
        self.deal = deal
        self.user = user
        self.query = query

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
        page.object_list = [label_row(row) for row in page.object_list]
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
    def contacts(self) -> Page:
        """A page of ``OnDeal``: the associated contacts."""
        links = (
            DealContact.objects.filter(
                deal=self.deal, contact__in=Contact.objects.visible_to(self.user)
            )
            .select_related("contact__company")
            .order_by("contact__sort_key", "pk")
        )
        page: Page = Paginator(links, PAGE).get_page(self.query.get("contacts"))
        rows = list(page.object_list)
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
            )
            for link in rows
        ]
        page.object_list = shown  # type: ignore[assignment]
        return page

    def _why_not(self, contact: Contact) -> str:
        if self.deal.company_id is None:
            return _("the deal has no company, so only its main contact counts")
        if contact.is_organization:
            return _("another company than the deal's")
        if contact.company is None:
            return _("works for no company")
        return _("works for another company, %(company)s") % {"company": contact.company.name}

    @cached_property
    def kept(self) -> list[Contact]:
        """Who keeps the win without being on the deal, up to a page."""
        if self.deal.group != Group.WON:
            return []
        kept = DealParty.objects.filter(deal=self.deal, kept=True).values("contact")
        return list(
            Contact.objects.visible_to(self.user)
            .filter(pk__in=kept)
            .select_related("company")
            .order_by("sort_key", "pk")[:PAGE]
        )
