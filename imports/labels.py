"""Tags and values of custom fields that files give: read row by row, written with the records.

Reading a cell gives what stands for it in the digest of its row, and knows nothing of the numbers of tags and options:
a row that says what it said is left alone, whatever became of them. Only rows that are loaded make what lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from crm.actor import current_actor
from imports import bulk
from imports.cells import BadCell
from imports.fields import Entity
from imports.label_cells import HELD, Converts, OptionWords, TagWords, Tail, cell_of, maker_of
from imports.label_names import LabelMap
from imports.mapping import FieldMap, Section
from imports.reading import CsvFile, Row
from settings.catalogue import catalogue
from settings.categories import FieldType
from settings.holders import holder_of
from settings.models import CustomField
from settings.services.locks import live_and_shared

if TYPE_CHECKING:
    from imports.loading import Loading

RECORD_OF = {Entity.COMPANIES: "contact", Entity.PEOPLE: "contact", Entity.DEALS: "deal"}
_AT_ONCE = 500


class Taken(NamedTuple):
    """A record that was written, with what its row gives: a value for each column, None for a blank cell."""

    pk: int
    key: str
    values: Sequence[Any]
    row: Row


class Naming(NamedTuple):
    """A value that names a contact, which may be loaded later."""

    taken: Taken
    column: _Column
    text: str


class _Column(NamedTuple):
    """What one column gives: tags of a category, or values of ``field``."""

    label: LabelMap
    field: CustomField | None
    words: TagWords | OptionWords | None
    convert: Callable[[str], Any]
    make: Callable[[Any], Tail] | None = None

    @property
    def names_contacts(self) -> bool:
        return self.field is not None and self.field.type == FieldType.CONTACT


class Labels:
    """The tags and custom fields of one section."""

    def __init__(self, loading: Loading, section: Section, file: CsvFile) -> None:
        self.loading, self.section, self.file = loading, section, file
        self.columns: list[_Column] = []
        self.naming: list[Naming] = []
        if section.labels:
            self.holder = holder_of(RECORD_OF[section.entity])
            converts = Converts(loading, section)
            fields = self._fields()
            self.columns = [self._column(label, fields, converts) for label in section.labels]
            self._links = [self.holder.key_id, "tag_id", "came_from"]
            self._values = [self.holder.key_id, "field_id", *HELD, "came_from"]

    def cells(self) -> list[tuple[FieldMap, Callable[[str], Any]]]:
        """Where each column stands, and how its text is read."""
        return [(column.label.mapped, column.convert) for column in self.columns]

    # -- which fields

    def _fields(self) -> dict[tuple[str, str], CustomField]:
        """The fields of the section by category and key, those that the mapping gives a type of made; none of them
        is removed while this is loaded.
        """
        known = {(one.category, one.key): one for one in catalogue().fields_by_id.values()}
        found = {}
        for label in self.section.labels:
            if label.name:
                there = known.get(label.identity)
                field = self._checked(label, there) if there else _made(label)
                if field is not None:
                    found[label.identity] = field
        ids = {one.pk for one in found.values()}
        if ids and live_and_shared(CustomField, ids) != ids:
            raise ValidationError(_("This field is gone."))
        return found

    def _checked(self, label: LabelMap, field: CustomField) -> CustomField:
        if label.type and label.type != field.type:
            raise ValidationError(
                _(
                    "%(file)s: the custom field “%(field)s” is of the type %(there)s, the mapping says %(said)s."
                )
                % {
                    "file": self.file.name,
                    "field": label.shown,
                    "there": field.type,
                    "said": label.type,
                }
            )
        return field

    def _column(
        self, label: LabelMap, fields: dict[tuple[str, str], CustomField], converts: Converts
    ) -> _Column:
        if not label.name:
            tags = TagWords(label.category)
            return _Column(label, None, tags, cell_of(label.mapped, tags.read))
        field = fields.get(label.identity)
        if field is None:
            raise ValidationError(
                _(
                    "%(file)s has a column “%(column)s”, and %(category)s have no custom field “%(field)s”. Make it in "
                    "the settings, or give its type in the mapping: %(example)s."
                )
                % {
                    "file": self.file.name,
                    "column": " + ".join(label.mapped.columns) or label.shown,
                    "category": label.category.label,
                    "field": label.name,
                    "example": f'"{label.shown}" = {{ type = "text" }}',
                }
            )
        words = converts.options(field, make=label.make_options or bool(label.type))
        convert = converts.of(field, label.mapped, words)
        return _Column(label, field, words, convert, maker_of(field))

    # -- writing

    def insert(self, records: Sequence[Taken]) -> None:
        """Write what new records carry."""
        if not self.columns or not records:
            return
        self._know(records)
        links, values = [], []
        for at, column in enumerate(self.columns):
            given = [(one, value) for one in records if (value := one.values[at]) is not None]
            if column.field is None:
                assert column.words is not None
                ids = column.words.ids
                links += [(one.pk, ids[key], "") for one, keys in given for key in keys]
            elif column.names_contacts:
                self.naming += [Naming(one, column, text) for one, text in given]
            elif isinstance(column.words, OptionWords):
                tails = column.words.tails
                field_id = column.field.pk
                values += [
                    (one.pk, field_id, *tail, "") for one, keys in given for tail in tails(keys)
                ]
            else:
                assert column.make is not None
                field_id, make = column.field.pk, column.make
                values += [(one.pk, field_id, *make(value), "") for one, value in given]
        bulk.insert(self.holder.links, self._links, links)
        bulk.insert(self.holder.values, self._values, values)

    def update(self, records: Sequence[Taken]) -> None:
        """Give records that were loaded before what their rows say now, as far as columns tell of it."""
        if not self.columns or not records:
            return
        self._know(records)
        for some in batched(records, _AT_ONCE):
            self._update_links(some)
            self._update_values(some)

    def _know(self, records: Iterable[Taken]) -> None:
        """Make the tags and options that lack, so that every word has its number."""
        for at, column in enumerate(self.columns):
            if column.words is not None:
                given = {one.values[at] for one in records} - {None}
                column.words.know(
                    {key for keys in given for key in ((keys,) if isinstance(keys, str) else keys)}
                )

    def _update_links(self, records: Sequence[Taken]) -> None:
        manager: Any = self.holder.links._default_manager
        for at, column in enumerate(self.columns):
            if not isinstance(column.words, TagWords):
                continue
            ids = column.words.ids
            wanted = {(one.pk, ids[key]) for one in records for key in one.values[at] or ()}
            stored = manager.filter(
                Q((f"{self.holder.key}__in", [one.pk for one in records])),
                tag__in=column.words.live(),
            )
            there = {
                (pk, tag): link
                for link, pk, tag in stored.values_list("pk", self.holder.key_id, "tag")
            }
            gone = [link for pair, link in there.items() if pair not in wanted]
            manager.filter(pk__in=gone).delete()
            new = [(*pair, "") for pair in sorted(wanted - there.keys())]
            bulk.insert(self.holder.links, self._links, new)

    def _update_values(self, records: Sequence[Taken]) -> None:
        wanted: dict[tuple[int, int, int], Sequence[Any]] = {}
        fields = []
        for at, column in enumerate(self.columns):
            if column.field is None:
                continue
            fields.append(column.field.pk)
            for one in records:
                value = one.values[at]
                if value is None:
                    continue
                if column.names_contacts:
                    self.naming.append(Naming(one, column, value))
                    continue
                assert column.make is not None
                words = column.words
                tails = (
                    words.tails(value) if isinstance(words, OptionWords) else [column.make(value)]
                )
                wanted |= {(one.pk, column.field.pk, tail[0]): tail for tail in tails}
        self._replace([one.pk for one in records], fields, wanted)

    def _replace(
        self,
        ids: Sequence[int],
        fields: Sequence[int],
        wanted: dict[tuple[int, int, int], Sequence[Any]],
    ) -> None:
        """Let these records have, of these fields, the wanted values by record, field and slot, and no others."""
        model: Any = self.holder.values
        stored = model._default_manager.filter(Q((f"{self.holder.key}__in", ids)), field__in=fields)
        rows = stored.values_list(self.holder.key_id, "field_id", "slot", "pk")
        there = {(record, field, slot): pk for record, field, slot, pk in rows}
        gone = [pk for place, pk in there.items() if place not in wanted]
        model._default_manager.filter(pk__in=gone).delete()
        new = [(*place[:2], *tail, "") for place, tail in wanted.items() if place not in there]
        bulk.insert(model, self._values, new)
        quote = connection.ops.quote_name
        columns = ", ".join(f"{quote(name)} = %s" for name in HELD)
        # Rows that stay keep where they came from.
        bulk.run_many(
            f"UPDATE {quote(model._meta.db_table)} SET {columns} WHERE id = %s",  # noqa: S608
            [(*tail, there[place]) for place, tail in wanted.items() if place in there],
        )

    # -- contacts in values

    def name_contacts(self) -> None:
        """Write the values that name contacts, now that all are loaded; those that cannot be found are reported, and
        tried again by the next load of their rows.
        """
        found: dict[tuple[int, int, int], Sequence[Any]] = {}
        retry: dict[str, None] = {}
        for naming in self.naming:
            taken, column = naming.taken, naming.column
            assert column.field is not None
            assert column.make is not None
            try:
                contact = self._contact(column.label.mapped, naming.text)
            except BadCell as error:
                self.loading.counts(self.section.entity).incomplete += 1
                reason = _("loaded without “%(field)s”: %(reason)s")
                self.loading.reject(
                    self.file,
                    taken.row,
                    " + ".join(column.label.mapped.columns),
                    reason % {"field": column.field.name, "reason": error},
                )
                retry[taken.key] = None
                continue
            found[taken.pk, column.field.pk, 0] = column.make(contact)
        fields = sorted({naming.column.field.pk for naming in self.naming if naming.column.field})
        for some in batched(found.items(), _AT_ONCE):
            self._replace([place[0] for place, _tail in some], fields, dict(some))
        self.loading.remember_digests(self.kind, [("", key) for key in retry])
        self.naming = []

    @property
    def kind(self) -> str:
        kinds = {Entity.COMPANIES: "company", Entity.PEOPLE: "person", Entity.DEALS: "deal"}
        return kinds[self.section.entity]

    def _contact(self, mapped: FieldMap, text: str) -> int:
        text = mapped.words.get(text, text)
        directory = self.loading.directory
        if mapped.by:
            directory.know(mapped.by)
            return directory.contact(mapped, text).id
        if any(text in directory.ids[kind] for kind in mapped.kinds):
            return directory.contact(mapped.by_way("id"), text).id
        directory.know("name")
        return directory.contact(mapped.by_way("name"), text).id


def _made(label: LabelMap) -> CustomField | None:
    """The field that a mapping gives the type of; None where it gives none."""
    if not label.type:
        return None
    fields = CustomField.objects.live().filter(category=label.category)
    last = fields.aggregate(last=Max("position"))["last"]
    field = CustomField(
        category=label.category,
        name=label.name,
        type=label.type,
        position=0 if last is None else last + 1,
        created_by=current_actor(),
    )
    field.full_clean()
    field.save()
    return field
