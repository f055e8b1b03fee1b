"""Making and changing custom fields, and the options of those that choose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _

from crm.actor import current_actor
from crm.changes import one_change
from crm.folding import fold
from crm.names import name_key
from settings.catalogue import forget
from settings.categories import CHOOSING, Category, Color, FieldType
from settings.holders import Holder, holder_for, holders
from settings.joining import joined, parted
from settings.models import CustomField, Option
from settings.services.converters import validate_option_name
from settings.services.reading import shown_by

# So many can be looked through; every form shows all of them.
OPTIONS_AT_MOST = 500


@dataclass(frozen=True)
class Uses:
    """How many records have chosen an option: as far as it is seen, and all, removed and unseen ones included."""

    seen: int = 0
    all: int = 0


class OptionTaken(ValidationError):
    """An option cannot be deleted because ``uses`` have chosen it."""

    def __init__(self, message: str, uses: Uses) -> None:
        super().__init__(message)
        self.uses = uses


# -- the field


def save_field(
    field: CustomField,
    *,
    options: Sequence[str] = (),
    required_at: Collection[int] | None = None,
) -> CustomField:
    """Store a new or changed field. A new one stands last in its category, with these options if it chooses.

    ``required_at`` are the stages on reaching which a deal must have it; None leaves them as they are. Raises
    ``ValidationError`` for a name that is taken, for options that cannot be, and for a field that is removed.
    """
    with one_change():
        if field._state.adding:
            field.created_by = current_actor()
            field.position = _after(CustomField.objects.live().filter(category=field.category))
        else:
            locked_field(field)
        field.clean()
        others = CustomField.objects.live().filter(category=field.category, key=field.key)
        if others.exclude(pk=field.pk).exists():
            raise ValidationError({"name": taken(field)})
        field.full_clean()
        try:
            with transaction.atomic():
                field.save()
        except IntegrityError:
            # Somebody made one of this name between the look and the writing.
            raise ValidationError({"name": taken(field)}) from None
        if options and field.type in CHOOSING:
            _make_options(field, options)
        if required_at is not None:
            _require_at(field, required_at)
        forget()
    return field


def taken(field: CustomField) -> str:
    """The sentence for a name that another field of the category has."""
    return _("%(category)s has another custom field “%(name)s” already. Choose another name.") % {
        "category": Category(field.category).label,
        "name": field.name,
    }


def locked_field(field: CustomField) -> CustomField:
    """As it is stored by now; nobody else changes it before the change ends."""
    rows = CustomField.objects.live().select_for_update(no_key=True)
    found = rows.filter(pk=field.pk).first()
    if found is None:
        raise ValidationError(_("“%(name)s” is removed already.") % {"name": field.name})
    return found


def _after(rows: QuerySet) -> int:
    last = rows.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def _require_at(field: CustomField, stages: Collection[int]) -> None:
    # Their model belongs to deals.
    rows: Any = field.required_at  # type: ignore[attr-defined]
    rows.exclude(stage__in=stages).delete()
    wanted = set(stages) - set(rows.values_list("stage", flat=True))
    rows.bulk_create([rows.model(field=field, stage_id=pk) for pk in sorted(wanted)])


def values_out_of_sight(field: CustomField) -> int:
    """How many contacts have a value of it that is not shown because it is for the other kind of contact."""
    holder = holder_for(field.category)
    condition = holder.of_kind(field.applies_to)
    if not condition:
        return 0
    rows = holder.values._default_manager.filter(field=field.pk)
    outside = rows.exclude(holder.through(condition)).order_by()
    return int(outside.aggregate(n=Count(holder.key_id, distinct=True))["n"])


# -- its options


def option_names(text: str) -> list[str]:
    """The names of options that somebody typed, one a line; raises ``ValidationError`` for what cannot be one."""
    names = [" ".join(line.split()) for line in text.replace("\r", "\n").split("\n")]
    found: dict[str, str] = {}
    for name in filter(None, names):
        validate_option_name(name)
        if name_key(name) in found:
            raise ValidationError(_("“%s” is there twice.") % name)
        found[name_key(name)] = name
    if len(found) > OPTIONS_AT_MOST:
        raise ValidationError(
            _("A field has at most %(number)d options.") % {"number": OPTIONS_AT_MOST}
        )
    return list(found.values())


def _make_options(
    field: CustomField, names: Sequence[str], color: str = Color.GRAY
) -> list[Option]:
    first = _after(Option.objects.filter(field=field))
    made = [
        Option(field=field, name=name, key=name_key(name), color=color, position=position)
        for position, name in enumerate(names, first)
    ]
    Option.objects.bulk_create(made)
    return made


def add_options(field: CustomField, names: Sequence[str], color: str = Color.GRAY) -> list[Option]:
    """Add options behind the others. Raises ``ValidationError`` for a name that is there already."""
    with one_change():
        field = _choosing(field)
        stored = dict(Option.objects.filter(field=field).values_list("key", "name"))
        names = [" ".join(name.split()) for name in names]
        for name in names:
            validate_option_name(name)
            if name_key(name) in stored:
                raise ValidationError(_taken_option(stored[name_key(name)]))
        if len(stored) + len(names) > OPTIONS_AT_MOST:
            raise ValidationError(
                _("A field has at most %(number)d options.") % {"number": OPTIONS_AT_MOST}
            )
        made = _make_options(field, names, color)
        forget()
    return made


def _taken_option(name: str) -> str:
    return _("There is an option “%s” already.") % name


def _choosing(field: CustomField) -> CustomField:
    found = locked_field(field)
    if found.type not in CHOOSING:
        raise ValidationError(
            _("“%(name)s” is of the type %(type)s, which has no options.")
            % {"name": found.name, "type": found.get_type_display()}
        )
    return found


def _locked_option(option: Option) -> Option:
    field = _choosing(option.field)
    found = Option.objects.filter(pk=option.pk, field=field).first()
    if found is None:
        raise ValidationError(_("The option “%s” is deleted already.") % option.name)
    found.field = field
    return found


def change_option(
    option: Option, *, name: str, color: str, was: tuple[str, str] | None = None
) -> Option:
    """Give an option another name or colour; whoever has chosen it keeps it. The default follows its name.

    ``was`` are the name and colour that were on screen: raises ``ValidationError`` where they are others by now, for a
    name that is taken, and for an option that is gone.
    """
    with one_change():
        found = _locked_option(option)
        if was is not None and was != (found.name, found.color) != (name, color):
            raise ValidationError(
                _("Somebody changed it in the meantime: it is called “%(name)s” and is %(color)s.")
                % {"name": found.name, "color": found.get_color_display()}
            )
        name = " ".join(name.split())
        validate_option_name(name)
        others = Option.objects.filter(field=found.field, key=name_key(name)).exclude(pk=found.pk)
        if other := others.first():
            raise ValidationError(_taken_option(other.name))
        if color not in Color.values:
            raise ValidationError(_("Choose one of the colors."))
        _rename_in_default(found, name)
        found.name, found.color = name, color
        found.save(update_fields=["name", "color"])
        return found


def retire_option(option: Option, retired: bool) -> Option:
    """Do not offer an option any more, or offer it again. Values stay; it is no default any more."""
    with one_change():
        found = _locked_option(option)
        if retired:
            _rename_in_default(found, None)
        found.retired = retired
        found.save(update_fields=["retired"])
        return found


def delete_option(option: Option) -> None:
    """Raises ``ValidationError`` for one that somebody has chosen, unseen values and those that can still be brought
    back included.
    """
    with one_change():
        found = _locked_option(option)
        if uses := option_uses(found.field, found).get(found.pk):
            raise OptionTaken(
                _(
                    "“%s” is in use and cannot be deleted. Retire it: it stays where it is chosen and is not "
                    "offered any more."
                )
                % found.name,
                uses,
            )
        _rename_in_default(found, None)
        found.delete()


def _rename_in_default(option: Option, name: str | None) -> None:
    """Keep the default, which names options, in step; ``updated_at`` stays, so that open forms do not differ."""
    field = option.field
    names = parted(field.default) if field.type == FieldType.CHOICES else [field.default]
    if option.key not in map(fold, names):
        return
    new = [name if name_key(one) == option.key else one for one in names]
    kept = [one for one in new if one]
    default = joined(kept) if field.type == FieldType.CHOICES else "".join(kept)
    CustomField.objects.filter(pk=field.pk).update(default=default)
    forget()


def shift_option(option: Option, by: int) -> Option:
    """Move an option up (-1) or down (1); at the end it stays. Lists are sorted by this order."""
    with one_change():
        found = _locked_option(option)
        ordered = list(Option.objects.filter(field=found.field))
        at = next(at for at, one in enumerate(ordered) if one.pk == found.pk)
        ordered.insert(min(max(at + by, 0), len(ordered) - 1), ordered.pop(at))
        moved = []
        for position, one in enumerate(ordered):
            if one.position != position:
                one.position = position
                moved.append(one)
        Option.objects.bulk_update(moved, ["position"])
        forget()
    return found


def option_uses(field: CustomField, option: Option | None = None) -> dict[int, Uses]:
    """How often each option of a field is chosen, or one; at most one statement for each type of record."""
    found: dict[int, Uses] = {}
    for holder in holders():
        for pk, seen, number in _counted(holder, field, option):
            before = found.get(pk, Uses())
            found[pk] = Uses(before.seen + seen, before.all + number)
    return found


def _counted(holder: Holder, field: CustomField, option: Option | None) -> QuerySet:
    rows = holder.values._default_manager.filter(option__field=field.pk)
    if option is not None:
        rows = rows.filter(option=option.pk)
    seen = Q(field=field.pk)
    if holder.record == field.record:
        seen &= shown_by(holder)
    return (
        rows.order_by()
        .values("option")
        .annotate(seen=Count("pk", filter=seen), number=Count("pk"))
        .values_list("option", "seen", "number")
    )
