"""The ledger of a mailing as its pages show it: by state and reason, page by page, by name or address."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict

from contacts.models import Contact
from emails.models import Mailing, Recipient
from emails.reasons import Failure, LeftOut

State = Recipient.State
PAGE = 50
SEARCHED_AT_MOST = 100
# In what order outcomes are offered: what needs looking at first.
ORDER = (State.UNCERTAIN, State.FAILED, State.SENDING, State.SENT, State.WAITING, State.LEFT_OUT)
# Of the others the reason, as why a mail that was put off waits, is said in the row.
TOLD_APART = (State.LEFT_OUT, State.FAILED)
REASONS = {**dict(LeftOut.choices), **dict(Failure.choices)}


@dataclass(frozen=True)
class Group:
    """The rows of one state and reason. ``key`` names it in addresses."""

    state: str
    reason: str
    number: int

    @property
    def key(self) -> str:
        return f"{self.state}-{self.reason}" if self.reason else self.state

    @property
    def label(self) -> str:
        return str(REASONS[self.reason] if self.reason in REASONS else State(self.state).label)


@dataclass(frozen=True)
class Row:
    """A recipient. Name, address and answer are empty where the reader may not see the contact."""

    recipient: Recipient
    contact: Contact | None
    is_told: bool

    @property
    def reason(self) -> str:
        return str(REASONS.get(self.recipient.reason, ""))


class LedgerRows:
    """The rows of ``mailing`` for ``user``: those that ``query`` asks for with show, q and page.

    A statement for the groups, one for a page and one for its contacts; another one where something is searched.
    """

    def __init__(self, mailing: Mailing, user: Any, query: QueryDict) -> None:
        self.mailing = mailing
        self.user = user
        self.query = query

    @cached_property
    def groups(self) -> list[Group]:
        rows = Recipient.objects.filter(mailing=self.mailing.pk).order_by()
        counted = rows.values_list("state", "reason").annotate(number=Count("position"))
        merged: dict[tuple[str, str], int] = {}
        for state, reason, number in counted:
            kept = reason if state in TOLD_APART else ""
            merged[state, kept] = merged.get((state, kept), 0) + number
        reasons = list(REASONS)
        found = [Group(state, reason, number) for (state, reason), number in merged.items()]
        return sorted(
            found,
            key=lambda one: (
                ORDER.index(State(one.state)),
                reasons.index(one.reason) if one.reason in reasons else -1,
            ),
        )

    def of_state(self, state: str) -> list[Group]:
        return [one for one in self.groups if one.state == state]

    @property
    def left_out(self) -> list[Group]:
        return self.of_state(State.LEFT_OUT)

    @property
    def failed(self) -> list[Group]:
        return self.of_state(State.FAILED)

    @cached_property
    def shown(self) -> Group | None:
        """The group that is asked for; None for all rows."""
        asked = self.query.get("show", "")
        return next((one for one in self.groups if one.key == asked), None)

    @property
    def is_asked(self) -> bool:
        """Whether somebody wants to see rows: they are there on demand."""
        return any(name in self.query for name in ("show", "q", "page"))

    @cached_property
    def searched(self) -> str:
        return self.query.get("q", "").strip()[:SEARCHED_AT_MOST]

    @property
    def address(self) -> str:
        """What an address of a page of these rows has behind its number."""
        kept = QueryDict(mutable=True)
        if self.shown:
            kept["show"] = self.shown.key
        if self.searched:
            kept["q"] = self.searched
        return f"&{kept.urlencode()}" if kept else ""

    @cached_property
    def page(self) -> Page:
        rows = self.rows()
        page: Any = _Counted(rows, PAGE, self._total()).get_page(self.query.get("page"))
        page.object_list = self.told(list(page.object_list))
        return page

    def _total(self) -> int | None:
        """How many there are, where that is known already."""
        if self.searched:
            return None
        return self.shown.number if self.shown else self.mailing.total

    def rows(self) -> QuerySet[Recipient]:
        rows = Recipient.objects.filter(mailing=self.mailing.pk).order_by("position")
        if self.shown:
            rows = rows.filter(state=self.shown.state)
            if self.shown.state in TOLD_APART:
                rows = rows.filter(reason=self.shown.reason)
        return rows.filter(self._matching()) if self.searched else rows

    def _matching(self) -> Q:
        """By what contacts are found by now, and by what stands in the ledger of those whom one may see."""
        written = Q(address__icontains=self.searched) | Q(name__icontains=self.searched)
        seen = Contact.objects.visible_to(self.user)
        found = Q(contact_id__in=seen.matching(self.searched).order_by().values("pk"))
        if self.user.is_superuser:
            return found | written
        return found | written & Q(contact_id__in=seen.order_by().values("pk"))

    def told(self, recipients: list[Recipient]) -> list[Row]:
        """With their contacts, and without the names of those whom the reader may not see by now."""
        ids = [one.contact_id for one in recipients]
        seen = Contact.objects.visible_to(self.user).in_bulk(ids) if ids else {}
        return [
            Row(one, seen.get(one.contact_id), one.contact_id in seen or self.user.is_superuser)
            for one in recipients
        ]


class _Counted(Paginator):
    """A paginator that need not count what is counted already."""

    def __init__(self, rows: Any, size: int, total: int | None) -> None:
        super().__init__(rows, size)
        if total is not None:
            self.__dict__["count"] = total
