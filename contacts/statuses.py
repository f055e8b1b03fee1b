"""The two statuses of a contact: their values, their words, and the law that gives them.

The law stands here twice, on purpose: as database expressions, from which the generated columns
of ``Contact`` are made and which therefore decide, and as plain functions, for whoever has to
know a status before it is stored (previews, refusals, explanations). A test holds the two
together over every combination of facts and marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, CharField, F, Q, TextChoices, Value, When
from django.utils.translation import gettext_lazy as _


class ProspectStatus(TextChoices):
    NONE = "none", _("Non Prospect")
    CURRENT = "current", _("Current Prospect")
    LOST = "lost", _("Lost Prospect")


class CustomerStatus(TextChoices):
    NONE = "none", _("Non Customer")
    CURRENT = "current", _("Current Customer")
    PAST = "past", _("Past Customer")


class StatusKind(TextChoices):
    PROSPECT = "prospect", _("Prospect Status")
    CUSTOMER = "customer", _("Customer Status")


WORDS: dict[str, type[TextChoices]] = {
    StatusKind.PROSPECT: ProspectStatus,
    StatusKind.CUSTOMER: CustomerStatus,
}


def label_of(kind: str, value: str) -> str:
    """The words for ``value`` of one status, in the reader's language."""
    return str(WORDS[kind](value).label)


def prospect_or_customer(prefix: str = "") -> Q:
    """Who belongs to Prospects & Customers: every contact with either status other than Non.

    ``prefix`` leads to the contact, as in ``"company__"``.
    """
    prospect = (ProspectStatus.CURRENT.value, ProspectStatus.LOST.value)
    customer = (CustomerStatus.CURRENT.value, CustomerStatus.PAST.value)
    return Q(**{f"{prefix}prospect_status__in": prospect}) | Q(
        **{f"{prefix}customer_status__in": customer}
    )


def neither_prospect_nor_customer(prefix: str = "") -> Q:
    """Who does not belong there: the other contacts."""
    none = {"prospect_status": ProspectStatus.NONE, "customer_status": CustomerStatus.NONE}
    return Q(**{f"{prefix}{name}": status.value for name, status in none.items()})


PROSPECT_MARKS = (ProspectStatus.LOST.value, ProspectStatus.NONE.value)
CUSTOMER_MARKS = (CustomerStatus.PAST.value, CustomerStatus.CURRENT.value)

# What the status service counts from the deals, and what people select. Only the service writes
# them; every other way to save a contact leaves them out.
FACTS = ("active_deals", "won_deals", "lost_deals", "last_won_at", "last_lost_at")
SINCE = ("prospect_since", "customer_since")
MARKS = (
    "prospect_mark",
    "prospect_marked_at",
    "prospect_marked_by",
    "prospect_mark_had_deal",
    "customer_mark",
    "customer_marked_at",
    "customer_marked_by",
    "customer_mark_had_deal",
)
GUARDED = frozenset((*FACTS, *SINCE, *MARKS, "prospect_status", "customer_status"))


@dataclass(slots=True)
class Standing:
    """The facts and marks of one contact; ``prospect`` and ``customer`` are what follows."""

    active: int = 0
    won: int = 0
    lost: int = 0
    last_won_at: datetime | None = None
    last_lost_at: datetime | None = None
    prospect_mark: str = ""
    prospect_marked_at: datetime | None = None
    customer_mark: str = ""
    customer_marked_at: datetime | None = None
    prospect_marked_by: int | None = None
    prospect_mark_had_deal: bool = False
    customer_marked_by: int | None = None
    customer_mark_had_deal: bool = False

    @property
    def has_deal(self) -> bool:
        return bool(self.active or self.won or self.lost)

    @property
    def prospect(self) -> str:
        if self.active:
            return ProspectStatus.CURRENT.value
        if self.won:
            return ProspectStatus.NONE.value
        if self.prospect_mark and _holds(self.prospect_marked_at, self.last_lost_at):
            return self.prospect_mark
        return ProspectStatus.LOST.value if self.lost else ProspectStatus.NONE.value

    @property
    def customer(self) -> str:
        if self.won:
            past = self.customer_mark == CustomerStatus.PAST
            if past and _holds(self.customer_marked_at, self.last_won_at):
                return CustomerStatus.PAST.value
            return CustomerStatus.CURRENT.value
        return self.customer_mark or CustomerStatus.NONE.value

    def set_mark(self, kind: str, mark: str, at: datetime, by: int | None) -> None:
        """Set the mark of one status; ``at`` is when it was selected, ``by`` who did."""
        setattr(self, f"{kind}_mark", mark)
        setattr(self, f"{kind}_marked_at", at)
        setattr(self, f"{kind}_marked_by", by)
        setattr(self, f"{kind}_mark_had_deal", self.has_deal)

    def remove_mark(self, kind: str) -> None:
        setattr(self, f"{kind}_mark", "")
        setattr(self, f"{kind}_marked_at", None)
        setattr(self, f"{kind}_marked_by", None)
        setattr(self, f"{kind}_mark_had_deal", False)

    def by_deals_alone(self) -> Standing:
        """The same facts without the marks."""
        return Standing(self.active, self.won, self.lost, self.last_won_at, self.last_lost_at)


def _holds(marked_at: datetime | None, outranked_at: datetime | None) -> bool:
    return outranked_at is None or (marked_at is not None and marked_at >= outranked_at)


def _mark_holds(mark: str, outranking: str) -> Q:
    return Q(**{f"{outranking}__isnull": True}) | Q(**{f"{mark}ed_at__gte": F(outranking)})


def prospect_status_expression() -> Case:
    """Section 4 of the law for the prospect status, over the columns of ``Contact``."""
    return Case(
        When(active_deals__gt=0, then=Value(ProspectStatus.CURRENT.value)),
        When(won_deals__gt=0, then=Value(ProspectStatus.NONE.value)),
        When(
            ~Q(prospect_mark="") & _mark_holds("prospect_mark", "last_lost_at"),
            then=F("prospect_mark"),
        ),
        When(lost_deals__gt=0, then=Value(ProspectStatus.LOST.value)),
        default=Value(ProspectStatus.NONE.value),
        output_field=CharField(max_length=7),
    )


def customer_status_expression() -> Case:
    """Section 4 of the law for the customer status, over the columns of ``Contact``."""
    return Case(
        When(
            Q(won_deals__gt=0)
            & Q(customer_mark=CustomerStatus.PAST.value)
            & _mark_holds("customer_mark", "last_won_at"),
            then=Value(CustomerStatus.PAST.value),
        ),
        When(won_deals__gt=0, then=Value(CustomerStatus.CURRENT.value)),
        When(~Q(customer_mark=""), then=F("customer_mark")),
        default=Value(CustomerStatus.NONE.value),
        output_field=CharField(max_length=7),
    )
