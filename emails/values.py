"""What each recipient has for the merge fields of a mailing.

Values are those that the author of a mailing may see, in the language of the recipient; what is hidden from the author
is as if there were none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format

from contacts.listing import through
from contacts.models import Contact
from contacts.models.labels import HOLDER as CONTACTS
from contacts.statuses import StatusKind, label_of
from crm.accounts.doors import sees_all
from crm.accounts.levels import Area
from crm.accounts.models import zone_called
from crm.lists.registry import Context
from crm.money import format_money
from deals.models import Deal, DealParty
from deals.models.labels import HOLDER as DEALS
from deals.stages import Group
from emails.merge_fields import (
    COUNTS,
    LAST_WON,
    LINKS,
    OF_COMPANY,
    OF_CONTACT,
    OF_DEAL,
    OF_STATUS,
    MergeField,
    custom_fields,
    known_names,
    merge_fields,
)  # fmt: skip
from emails.merging import WEB, names_in
from emails.models import Recipient
from settings.catalogue import catalogue, known_once
from settings.categories import FieldType
from settings.services.reading import names_for, values_of
from settings.types import type_of

if TYPE_CHECKING:
    from emails.models import Mailing
    from settings.holders import Holder
    from settings.models import CustomField

__all__ = [
    "MergeField",
    "known_names",
    "language_of",
    "languages_for",
    "merge_fields",
    "values_for",
]

Row = Sequence[Any]
# What a recipient has for a field, of its row; the language is the one that is active.
Show = Callable[[Row], str]

# -- languages


def language_of(chosen: str, account: str, mailing: Mailing) -> str:
    """A contact's own language, else the account's, else the one that the mailing was written in."""
    known = dict(settings.LANGUAGES)
    return next((one for one in (chosen, account, mailing.language) if one in known), "en")


def languages_for(mailing: Mailing, contact_ids: Collection[int]) -> dict[int, str]:
    """In which language each of these contacts is written to; those that are gone are not in it. Two statements."""
    account = catalogue().account.language
    chosen = Contact.objects.filter(pk__in=contact_ids).order_by().values_list("pk", "language")
    return {pk: language_of(one, account, mailing) for pk, one in chosen}


# -- values


def values_for(
    mailing: Mailing,
    contact_ids: Collection[int],
    user: Any,
    *,
    names: Iterable[str] | None = None,
) -> dict[int, dict[str, str]]:
    """What these contacts have for the merge fields of the mailing, or for ``names``; empty where there is nothing.

    Contacts that ``user`` may not see are not in it. At most ten statements, however many contacts.
    """
    wanted = names_in(mailing.subject, mailing.html, mailing.text) if names is None else set(names)
    with known_once():
        return _Batch(mailing, contact_ids, user, wanted).values()


class _Batch:
    """Values of some contacts: what is read of them and how it is shown, gathered field by field."""

    def __init__(
        self, mailing: Mailing, contact_ids: Collection[int], user: Any, wanted: set[str]
    ) -> None:
        self.mailing, self.ids, self.user = mailing, list(contact_ids), user
        self.wanted = wanted
        self.context = Context.of(user)
        self.columns: list[Any] = ["pk", "language", "is_organization"]
        self.shows: dict[str, Show] = {}

    def values(self) -> dict[int, dict[str, str]]:
        self._add_own()
        self._add_company()
        self._add_owner()
        self._add_deals()
        self._add_custom(CONTACTS, None)
        seen = Contact.objects.visible_to(self.user).filter(pk__in=self.ids).order_by()
        by_language: dict[str, list[Row]] = defaultdict(list)
        account = catalogue().account
        for row in seen.values_list(*self.columns):
            by_language[language_of(row[1], account.language, self.mailing)].append(row)
        found: dict[int, dict[str, str]] = {}
        shows = list(self.shows.items())
        with timezone.override(zone_called(account.time_zone)):
            for language, rows in by_language.items():
                with translation.override(language):
                    for row in rows:
                        found[row[0]] = {name: show(row) for name, show in shows}
        return found

    def _column(self, source: Any) -> int:
        self.columns.append(source)
        return len(self.columns) - 1

    def _add_own(self) -> None:
        for name in self.wanted & OF_CONTACT.keys():
            place = self._column(OF_CONTACT[name][0])
            self.shows[name] = _web(itemgetter(place)) if name in LINKS else itemgetter(place)
        for name in self.wanted & OF_STATUS.keys():
            self.shows[name] = _status(OF_STATUS[name][0], self._column(name))
        for name in self.wanted & COUNTS.keys():
            self.shows[name] = _number(self._column(name))

    def _add_company(self) -> None:
        """Of somebody's company; a company is its own."""
        for name in self.wanted & OF_COMPANY.keys():
            path = OF_COMPANY[name][0]
            source = through("company").value(f"company__{path}", self.context)
            show = _of_company(self._column(path), self._column(source))
            self.shows[name] = _web(show) if name in LINKS else show

    def _add_owner(self) -> None:
        if "owner_name" in self.wanted:
            parts = ("owner__first_name", "owner__last_name", "owner__username")
            self.shows["owner_name"] = _full_name(*map(self._column, parts))
        for name in self.wanted & {"owner_first_name", "owner_email"}:
            self.shows[name] = _or_empty(self._column(name.replace("owner_", "owner__")))

    # -- deals

    def _add_deals(self) -> None:
        if names := self.wanted & LAST_WON.keys():
            won = self._last_won()
            for name in names:
                self.shows[name] = _of(won, _DEAL_SHOWS[name])
        if self.mailing.record != "deal":
            return
        of_contact: dict[int, int] = {}
        asks_custom = any(name.startswith("custom_") for name in self.wanted)
        if asks_custom or self.wanted & OF_DEAL.keys():
            of_contact = self._deal_ids()
        if names := self.wanted & OF_DEAL.keys():
            deals = self._deals(of_contact)
            for name in names:
                self.shows[name] = _of(deals, _DEAL_SHOWS[name])
        if asks_custom:
            self._add_custom(DEALS, of_contact)

    def _last_won(self) -> dict[int, Row]:
        """The deal that was won last, where the author sees it; it is not passed over for an older one."""
        won = Deal.objects.visible_to(self.user).filter(group=Group.WON)
        parties = DealParty.objects.filter(
            contact__in=self.ids, deal__in=won, deal__closed_at=F("contact__last_won_at")
        )
        rows = parties.order_by("deal").values_list("contact", *(f"deal__{one}" for one in _READ))
        return {row[0]: row[1:] for row in rows}

    def _deal_ids(self) -> dict[int, int]:
        """Of each contact the deal that brought it into the ledger."""
        rows = Recipient.objects.filter(mailing=self.mailing, contact_id__in=self.ids)
        chosen = rows.order_by().values_list("contact_id", "deal_id")
        return {contact: deal for contact, deal in chosen if deal is not None}

    def _deals(self, of_contact: Mapping[int, int]) -> dict[int, Row]:
        seen = Deal.objects.visible_to(self.user).filter(pk__in=set(of_contact.values()))
        rows = {row[0]: row[1:] for row in seen.order_by().values_list("pk", *_READ)}
        return {contact: rows[deal] for contact, deal in of_contact.items() if deal in rows}

    # -- custom fields

    def _add_custom(self, holder: Holder, of_contact: Mapping[int, int] | None) -> None:
        """Values of the contacts, or of the deals that ``of_contact`` gives for them."""
        if not any(name.startswith("custom_") for name in self.wanted):
            return
        fields = [
            one
            for one in custom_fields(self.mailing.record, self.user)
            if f"custom_{one.pk}" in self.wanted and one.record == holder.record
        ]
        if not fields:
            return
        ids = self.ids if of_contact is None else self._seen_deals(of_contact)
        values = values_of(holder, ids, fields)
        names = names_for(holder, fields, values.values(), self.user)
        for field in fields:
            self.shows[f"custom_{field.pk}"] = _custom(field, values, names, of_contact)

    def _seen_deals(self, of_contact: Mapping[int, int]) -> list[int]:
        deals = set(of_contact.values())
        if sees_all(self.user, Area.DEALS):
            return list(deals)
        seen = Deal.objects.visible_to(self.user).filter(pk__in=deals)
        return list(seen.order_by().values_list("pk", flat=True))


# -- how values are shown


def _or_empty(place: int) -> Show:
    return lambda row: row[place] or ""


def _web(show: Show) -> Show:
    """Web addresses only: what a link leads to is nothing else."""

    def shown(row: Row) -> str:
        value = show(row)
        return value if value and WEB.fullmatch(value) else ""

    return shown


def _status(kind: StatusKind, place: int) -> Show:
    return lambda row: label_of(kind, row[place])


def _number(place: int) -> Show:
    return lambda row: number_format(row[place], use_l10n=True, force_grouping=True)


def _of_company(own: int, of_company: int) -> Show:
    return lambda row: (row[own] if row[2] else row[of_company]) or ""


def _full_name(first: int, last: int, username: int) -> Show:
    return lambda row: f"{row[first] or ''} {row[last] or ''}".strip() or row[username] or ""


def _of(rows: Mapping[int, Row], show: Show) -> Show:
    """Of what was found for a contact; nothing where that is nothing."""

    def shown(row: Row) -> str:
        found = rows.get(row[0])
        return "" if found is None else show(found)

    return shown


def _day(value: date | datetime | None) -> str:
    """Written out: recipients read days and months in the order of their country."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = timezone.localtime(value)
    return date_format(value, "DATE_FORMAT")


_READ = ("name", "value", "currency", "stage__name", "estimated_close_date", "closed_at")
_DEAL_SHOWS: Mapping[str, Show] = {
    "last_won_deal": itemgetter(0),
    "last_won_date": lambda deal: _day(deal[5]),
    "last_won_value": lambda deal: format_money(deal[1], deal[2]),
    "deal_name": itemgetter(0),
    "deal_value": lambda deal: format_money(deal[1], deal[2]),
    "deal_stage": itemgetter(3),
    "deal_expected_close": lambda deal: _day(deal[4]),
    "deal_closed": lambda deal: _day(deal[5]),
}


def _custom(
    field: CustomField,
    values: Mapping[int, Mapping[int, Any]],
    names: Any,
    of_contact: Mapping[int, int] | None,
) -> Show:
    kind, pk, is_date = type_of(field), field.pk, field.type == FieldType.DATE

    def show(row: Row) -> str:
        record = row[0] if of_contact is None else of_contact.get(row[0])
        value = values.get(record, {}).get(pk)  # type: ignore[arg-type]
        if value is None:
            return ""
        return _day(value) if is_date else kind.show(field, value, names)

    return _web(show) if field.type == FieldType.URL else show
