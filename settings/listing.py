"""Tags and custom fields as fields of lists: filtered by, shown, sorted by and taken along like any other.

``contacts.listing`` and ``deals.listing`` add them to their registries, which ask anew each time: an administrator
may have made another one since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import connection
from django.db.models import Case, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, When
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.doors import sees_all
from crm.accounts.levels import Area
from crm.folding import digits, fold
from crm.lists.kinds import EMPTY, Choice, Kind, Moment, Number, Person, YesNo
from crm.lists.owners import people
from crm.lists.record_kinds import Record, Text
from crm.lists.registry import Cell, Condition, Context, Field
from settings.catalogue import catalogue
from settings.categories import Category, FieldType
from settings.holders import Holder, holder_for
from settings.models import CustomField, Tag
from settings.models.values import KEY_LENGTH
from settings.services.reading import names_for, tags_of, values_of
from settings.types import Names, options_of, type_of

# What tags are called in addresses and saved lists.
TAGS = {Category.CONTACTS: "tags", Category.CUSTOMERS: "customer_tags", Category.DEALS: "tags"}
TAG_LABELS = {
    Category.CONTACTS: gettext_lazy("Tags"),
    Category.CUSTOMERS: gettext_lazy("Tags of prospects and customers"),
    Category.DEALS: gettext_lazy("Tags"),
}
SECTIONS = {
    Category.CONTACTS: gettext_lazy("Tags and fields of contacts"),
    Category.CUSTOMERS: gettext_lazy("Tags and fields of prospects and customers"),
    Category.DEALS: gettext_lazy("Tags and fields of deals"),
}


class ValueText(Text):
    """A text of a custom field, by its folded beginning where that is enough, which an index leads to."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        super().__init__(lambda field: None, fold)  # type: ignore[arg-type,return-value]

    def condition(
        self, field: Field, op: str, values: Sequence[Any], context: Context
    ) -> Condition:
        found = Q()
        for text in values:
            beginning = text[:KEY_LENGTH]
            if op == "contains":
                found |= Q(folded__isnull=True, key__contains=text) | Q(folded__contains=text)
            elif op == "is" and len(text) <= KEY_LENGTH:
                found |= Q(key=text, folded__isnull=True)
            elif op == "is":
                found |= Q(key=beginning, folded=text)
            elif len(text) <= KEY_LENGTH:
                found |= Q(key__startswith=text)
            else:
                found |= Q(key=beginning, folded__startswith=text)
        return found


class OptionalYesNo(YesNo):
    operators = [*YesNo.operators, EMPTY]


TEXT_KIND, PHONE_KIND = ValueText(fold), ValueText(digits)


def holding(holder: Holder, rows: QuerySet) -> Condition:
    """The records that have one of ``rows``, links or values.

    Asked of each record PostgreSQL joins, either way round; SQLite would look up every record, and is quick with a
    list of numbers.
    """
    if connection.vendor == "postgresql":
        return Exists(rows.filter(**{holder.key: OuterRef("pk")}))
    return Q(pk__in=rows.values(holder.key_id))


def list_fields(holder: Holder) -> list[Field]:
    """A field for the tags of each category of these records, and one for each custom field."""
    known = catalogue()
    found = []
    for category in Category.of_record(holder.record):
        found.append(_tag_field(holder, category))
        names = {one.key for one in known.fields(Category.CONTACTS)}
        for field in known.fields(category):
            ambiguous = category == Category.CUSTOMERS and field.key in names
            found.append(_value_field(holder, category, field, ambiguous))
    return found


# -- tags


def _tag_field(holder: Holder, category: Category) -> Field:
    def where(field: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
        if op == "empty":
            ids = [tag.pk for tag in catalogue().tags(category)]
            return ~_carrying(holder, ids)
        return _carrying(holder, [int(value) for value in values])

    return Field(
        name=TAGS[category],
        label=TAG_LABELS[category],
        kind=Choice(_OFFERED[category], nullable=True),
        section=SECTIONS[category],
        where=where,
        within=holder.members(category),
        cell=_tags_cell,
        loader=_TAG_LOADERS[category],
        editable=TAGS[category],
    )


def _offered(category: Category) -> Any:
    return lambda context: [(str(tag.pk), tag.name) for tag in catalogue().tags(category)]


_OFFERED = {category: _offered(category) for category in Category}


def _carrying(holder: Holder, tag_ids: Sequence[int]) -> Condition:
    return holding(holder, holder.links._default_manager.filter(tag__in=tag_ids))


def _tags_loader(category: Category) -> Any:
    def loader(
        rows: Sequence[Any], context: Context, fields: Sequence[Field]
    ) -> Mapping[Any, list[Tag]]:
        return tags_of(holder_for(category), [row.pk for row in rows], [category])

    return loader


_TAG_LOADERS = {category: _tags_loader(category) for category in Category}


def _tags_cell(context: Context) -> Callable[[Any, Any], Cell]:
    return lambda row, found: Cell(drawn_tags(found or ()))


def drawn_tags(tags: Sequence[Tag]) -> str:
    """Tags as they are shown everywhere."""
    shown = (
        (format_html('<span class="tag tag-{}">{}</span>', tag.color, tag.name),) for tag in tags
    )
    return format_html_join(" ", "{}", shown)


# -- custom fields


def _value_field(holder: Holder, category: Category, field: CustomField, ambiguous: bool) -> Field:
    kind = kind_of(holder, field)
    column = type_of(field).column
    label = field.name
    if ambiguous:
        label = _("%(field)s (%(category)s)") % {"field": label, "category": category.label}
    stored = holder.values._default_manager.filter((f"{column}__isnull", False), field=field.pk)

    def where(one: Field, op: str, values: Sequence[Any], context: Context) -> Condition:
        rows = stored
        if column == "record" and (seen := _seen(holder, context)) is not None:
            # A contact that its reader may not see is as if there were none.
            rows = rows.filter(("record__in", seen))
        if op == "empty":
            return ~holding(holder, rows)
        # Nobody, among people; elsewhere it is a word like others.
        given = [value for value in values if column != "user" or value != "none"]
        inner = replace(one, path=column, where=None)
        found = Q()
        if len(given) < len(values):
            found |= Q(~holding(holder, rows))
        if given:
            found |= Q(holding(holder, rows.filter(kind.condition(inner, op, given, context))))
        return found

    sortable = type_of(field).sortable
    alias = f"sorted_by_{field.pk}"
    return Field(
        name=field.form_name,
        label=label,
        kind=kind,
        section=SECTIONS[category],
        where=where,
        within=holder.members(category) & holder.of_kind(field.applies_to),
        filterable=field.filterable,
        cell=_value_cell(field),
        loader=load_values,
        subject=field,
        join=_joined(holder, field, alias) if sortable else None,
        order=[_ordering(field, alias)] if sortable else (),
        nullable=True,
        descends=column in ("number", "moment", "date"),
        css="num amount" if column == "number" else "",
        editable=field.form_name,
    )


def kind_of(holder: Holder, field: CustomField) -> Kind:
    """How lists ask for the values of a custom field."""
    if field.type in (FieldType.CHOICE, FieldType.CHOICES):
        options = [
            (str(one.pk), one.name if not one.retired else _("%s (retired)") % one.name)
            for one in options_of(field)
        ]
        return Choice(lambda context: options, nullable=True)
    return {
        "key": lambda: PHONE_KIND if field.type == FieldType.PHONE else TEXT_KIND,
        "number": lambda: Number(
            nullable=True, whole=field.type == FieldType.WHOLE, places=type_of(field).places  # type: ignore[attr-defined]
        ),
        "yes": OptionalYesNo,
        "date": lambda: Moment(nullable=True, dates=True),
        "moment": lambda: Moment(nullable=True),
        "user": lambda: Person(people),
        "record": lambda: Record(holder.names, find=holder.find),
    }[type_of(field).column]()  # fmt: skip


def _ordering(field: CustomField, alias: str) -> str:
    """What its values are sorted by, on their row or beside it; see ``_joined``."""
    column = type_of(field).column
    return {
        "option": f"{alias}__option__position",
        "user": f"{alias}__user__last_name",
        "record": f"{alias}_key",
    }.get(column, f"{alias}__{column}")


def _joined(
    holder: Holder, field: CustomField, alias: str
) -> Callable[[QuerySet, Context], QuerySet]:
    """Joins the one row of the field to each record. What is unseen must not order either."""
    condition = Q(field_values__field=field.pk, field_values__slot=0)
    names_records = type_of(field).column == "record"
    seen = holder.members(Category(field.category)) & holder.of_kind(field.applies_to)

    def join(rows: QuerySet, context: Context) -> QuerySet:
        rows = rows.alias(**{alias: FilteredRelation("field_values", condition=condition & seen)})
        if not names_records:
            return rows
        key: Any = F(f"{alias}__record__sort_key")
        if (visible := _seen(holder, context)) is not None:
            # A join takes no query among its conditions.
            key = Case(When(Exists(visible.filter(pk=OuterRef(f"{alias}__record"))), then=key))
        return rows.alias(**{f"{alias}_key": key})

    return join


def _seen(holder: Holder, context: Context) -> QuerySet | None:
    """The ids of the records that values name and that the reader may see; None where that is all of them."""
    if sees_all(context.user, Area.CONTACTS, Area.CUSTOMERS):
        return None
    values: Any = holder.values
    named: Any = values._meta.get_field("record").related_model
    found: QuerySet = named._default_manager.visible_to(context.user).order_by().values("pk")
    return found


def load_values(
    rows: Sequence[Any], context: Context, fields: Sequence[Field]
) -> dict[Any, tuple[dict[int, Any], Names]]:
    """For each row its values of the custom fields that are shown, with what people and contacts in them are called."""
    shown: list[CustomField] = [one.subject for one in fields]
    holder = holder_for(shown[0].category)
    found = values_of(holder, [row.pk for row in rows], shown)
    names = names_for(holder, shown, found.values(), context.user)
    return {pk: (values, names) for pk, values in found.items()}


def _value_cell(field: CustomField) -> Callable[[Context], Callable[[Any, Any], Cell]]:
    kind = type_of(field)

    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        def cell(row: Any, found: Any) -> Cell:
            value = found[0].get(field.pk) if found else None
            if value is None:
                return Cell("")
            return Cell(kind.show(field, value, found[1]), _address(field, value))

        return cell

    return maker


def _address(field: CustomField, value: Any) -> str:
    """Where a value leads."""
    if field.type == FieldType.EMAIL:
        return f"mailto:{value}"
    return str(value) if field.type == FieldType.URL else ""
