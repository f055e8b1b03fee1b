"""Changing the account, and the currencies that deals are made in."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.audit.models import Action
from crm.audit.services import record
from settings.catalogue import forget
from settings.models import Account, Currency


def change_account(**values: Any) -> Account:
    """Write these fields of the account, and no others; returns it.

    ``quiet_except`` is given as tags. Raises ``ValidationError`` by field for what is refused.
    """
    exceptions = values.pop("quiet_except", None)
    with transaction.atomic():
        account = _locked()
        for name, value in values.items():
            setattr(account, name, value)
        account.full_clean(exclude={"quiet_except"})
        if "currency" in values and account.currency not in offered_codes():
            raise ValidationError(
                {"currency": _("%(code)s is not offered. Add it under Currencies first.")
                 % {"code": account.currency}}
            )  # fmt: skip
        account.save(update_fields=list(values))
        if exceptions is not None:
            _set_exceptions(account, exceptions)
    return account


def _set_exceptions(account: Account, tags: Any) -> None:
    before = sorted(tag.name for tag in account.quiet_except.all())
    account.quiet_except.set(tags)
    after = sorted(tag.name for tag in account.quiet_except.all())
    if before != after:
        # What is saved of the account is noted with its saving.
        told = {"before": {"quiet_except": before}, "after": {"quiet_except": after}}
        record(Action.SETTING_CHANGED, account, **told)


def _locked() -> Account:
    """The one row, made where it is missing, and nobody else writes it until the transaction ends."""
    Account.objects.get_or_create(pk=1)
    return Account.objects.select_for_update().get(pk=1)


# -- currencies


def offered_codes() -> list[str]:
    """The codes that are offered, in their order. The account's own is always among them."""
    codes = list(Currency.objects.filter(archived=False).values_list("code", flat=True))
    own = Account.current().currency
    return codes if own in codes else [own, *codes]


def listed_currencies() -> list[Currency]:
    """All currencies in their order; the account's own gets a row where it has none yet."""
    with transaction.atomic():
        own = Account.current().currency
        found = list(Currency.objects.all())
        if not any(one.code == own for one in found):
            Currency.objects.get_or_create(code=own)
            found = list(Currency.objects.all())
    return found


def add_currency(code: str) -> Currency:
    """Offer another currency, or one again that was archived. Raises ``ValidationError``."""
    with transaction.atomic():
        _locked()
        found = listed_currencies()
        known = next((one for one in found if one.code == code), None)
        if known is None:
            known = Currency(code=code, position=1 + max(one.position for one in found))
            known.full_clean()
            known.save()
        elif not known.archived:
            raise ValidationError({"code": _("%(code)s is offered already.") % {"code": code}})
        else:
            archive_currency(known, archived=False)
    return known


def archive_currency(currency: Currency, *, archived: bool = True) -> None:
    """Offer it no more, or again; deals in it stay as they are.

    Raises ``ValidationError`` for the account's own.
    """
    with transaction.atomic():
        _locked()
        currency.archived = archived
        currency.clean()
        currency.save(update_fields=["archived"])


def move_currency(currency: Currency, *, up: bool) -> None:
    """Let it change places with its neighbour; at the end of the list nothing happens."""
    with transaction.atomic():
        _locked()
        found = listed_currencies()
        at = [one.pk for one in found].index(currency.pk)
        to = at + (-1 if up else 1)
        if 0 <= to < len(found):
            found[at], found[to] = found[to], found[at]
        for position, one in enumerate(found):
            one.position = position
        Currency.objects.bulk_update(found, ["position"])
    forget()
