"""What changing the type of a custom field would mean, before it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm.accounts.models import User
from crm.actor import current_actor
from settings.categories import CHOOSING, Category
from settings.holders import holder_for
from settings.models import CustomField
from settings.services.converters import (
    Converter,
    OptionNames,
    Result,
    account_zone,
    in_zone,
    refuse_type,
    results_of,
)
from settings.services.reading import names_for
from settings.types import Names, Value, type_of

SHOWN_AT_MOST, EXAMPLES_AT_MOST = 20, 5
# Of so many is asked whether their reader may see them.
LOOKED_AT = 500


@dataclass(frozen=True)
class Shown:
    """What becomes of one value, in words; ``record`` is a contact or deal that the reader may see."""

    record: Any
    old: str
    new: str
    reason: str


@dataclass
class Preview:
    """What giving a field another type would mean, in records.

    ``refused`` are the first of those that would lose their value, ``examples`` some of those that would not, both as
    far as the reader may see them; ``options`` the names of those that would be made.
    """

    type: str
    converted: int = 0
    lost: int = 0
    refused: list[Shown] = field(default_factory=list)
    examples: list[Shown] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    @property
    def not_shown(self) -> int:
        return self.lost - len(self.refused)


def preview_conversion(subject: CustomField, type: str, user: User) -> Preview:
    """What changing the type would mean, with what ``user`` may see of it. Changes nothing.

    Raises ``ValidationError`` where the type cannot be changed at all.
    """
    refuse_type(subject, type)
    holder = holder_for(subject.category)
    options = OptionNames(subject)
    actor = current_actor()
    converter = Converter(holder, subject, subject.type, type, options=options, user=actor)
    found = Preview(type)
    kept: list[Result] = []
    lost: list[Result] = []
    with in_zone(account_zone()):
        for results in results_of(converter, subject):
            for one in results:
                some = lost if one.reason else kept
                found.lost += bool(one.reason)
                found.converted += not one.reason
                if len(some) < LOOKED_AT:
                    some.append(one)
    found.options = [options.names[pk] for pk in options.new]
    found.refused = _shown(converter, lost, SHOWN_AT_MOST, user)
    found.examples = _shown(converter, kept, EXAMPLES_AT_MOST, user)
    return found


def _shown(converter: Converter, results: list[Result], most: int, user: User) -> list[Shown]:
    """The first of them on records that this user may see the field of."""
    holder, subject = converter.holder, converter.source
    seen = holder.model._default_manager.visible_to(user)  # type: ignore[attr-defined]
    seen = seen.filter(
        holder.members(Category(subject.category)), holder.of_kind(subject.applies_to)
    )
    ids = set(seen.filter(pk__in=[one.record_id for one in results]).values_list("pk", flat=True))
    picked = [one for one in results if one.record_id in ids][:most]
    records = seen.in_bulk([one.record_id for one in picked])
    olds = names_for(holder, [subject], [{subject.pk: one.old} for one in picked], user)
    news = names_for(holder, [converter.target], [{subject.pk: one.new} for one in picked], user)
    return [
        Shown(
            records[one.record_id],
            _words(converter, subject, one.old, olds),
            "" if one.reason else _words(converter, converter.target, one.new, news),
            one.reason,
        )
        for one in picked
    ]


def _words(converter: Converter, field: CustomField, value: Value, names: Names) -> str:
    if field.type in CHOOSING:
        # Those that would be made are not stored.
        chosen = value if isinstance(value, tuple) else (value,)
        return ", ".join(converter.options.names[one] for one in chosen)
    return type_of(field).show(field, value, names)
