"""The short lists that people choose from: loss reasons, unqualified reasons, sources."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deals.models import Deal, DealSource, LossReason, Reason, UnqualifiedReason
from deals.services.pipelines import clean_name, put_in_order

# By the field of a deal that holds it, which is also the filter of the list of deals.
LISTS: dict[str, type[Reason]] = {
    "loss_reason": LossReason,
    "unqualified_reason": UnqualifiedReason,
    "source": DealSource,
}


def uses_of(kind: str, user: Any) -> dict[int, int]:
    """How many deals that ``user`` may see have each entry of a list; those without are left out."""
    deals = Deal.objects.visible_to(user).filter(**{f"{kind}__isnull": False}).order_by()
    return dict(deals.values(kind).annotate(number=Count("pk")).values_list(kind, "number"))


def add_reason(kind: str, name: str) -> Reason:
    """Another entry, behind the others. Raises ``ValidationError`` for a name that is none or taken."""
    model: Any = LISTS[kind]
    with transaction.atomic():
        rows = _locked(model)
        reason: Reason = model(
            name=_name(name, model.objects.all()),
            position=1 + max((one.position for one in rows), default=-1),
        )
        reason.full_clean()
        reason.save()
    return reason


def rename_reason(reason: Reason, name: str) -> None:
    """Deals that have it show the new name. Raises ``ValidationError``."""
    model: Any = type(reason)
    with transaction.atomic():
        _locked(model)
        stored = _stored(reason)
        stored.name = _name(name, model.objects.exclude(pk=stored.pk))
        stored.full_clean()
        stored.save(update_fields=["name"])


def _name(name: str, others: Any) -> str:
    return clean_name(name, others, _("There is one of this name already."))


def _locked(model: Any) -> list[Any]:
    rows = list(model.objects.select_for_update(no_key=True).order_by("pk"))
    return sorted(rows, key=lambda one: (one.position, one.name, one.pk))


def _stored(reason: Reason) -> Reason:
    model: Any = type(reason)
    stored: Reason | None = model.objects.filter(pk=reason.pk).first()
    if stored is None:
        raise ValidationError(_("“%(name)s” does not exist any more.") % {"name": reason.name})
    return stored


def move_reason(reason: Reason, *, up: bool) -> None:
    model: Any = type(reason)
    with transaction.atomic():
        put_in_order(model, _locked(model), reason.pk, up=up)


def archive_reason(reason: Reason, *, archived: bool = True) -> None:
    """Offer it no more, or again. Deals that have it keep it."""
    stored = _stored(reason)
    stored.archived = archived
    stored.save(update_fields=["archived"])


def delete_reason(reason: Reason) -> None:
    """Delete what no deal has. Raises ``ValidationError`` for what one has: that is archived."""
    model: Any = type(reason)
    kind = next(kind for kind, one in LISTS.items() if one is model)
    with transaction.atomic():
        # Not as the others lock: no deal may take it while it goes.
        stored = model.objects.select_for_update().filter(pk=reason.pk).first()
        if stored is None:
            return
        number = Deal.objects.filter(**{kind: stored}).count()
        if number:
            text = ngettext(
                "%(number)d deal has “%(name)s”. Archive it: then it is offered no more.",
                "%(number)d deals have “%(name)s”. Archive it: then it is offered no more.",
                number,
            )
            raise ValidationError(text % {"number": number, "name": stored.name})
        stored.delete()
