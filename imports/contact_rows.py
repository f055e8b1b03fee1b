"""Loading companies and people."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from contacts.keys import KEYS, SOURCES, contact_keys, person_name
from contacts.models import Contact
from contacts.words import remember_words, vocabulary_of
from imports import bulk
from imports.fields import Entity
from imports.labels import Labels, Taken
from imports.loading import Loading, Selection, digest_of
from imports.mail_cells import MailCells
from imports.mapping import Section
from imports.models import ImportedRecord
from imports.parents import Parent
from imports.reading import Row
from imports.rows import BadRow, RowReader, split_name

Kind = ImportedRecord.Kind
COLUMNS = bulk.columns_of(Contact)
_PLACE = {column: position for position, column in enumerate(COLUMNS)}
_ID, _NAME, _FIRST, _LAST, _EMAIL, _COMPANY, _SEARCH = (
    _PLACE[column]
    for column in (
        "id", "name", "first_name", "last_name", "email", "company_id", "search_key",
    )
)  # fmt: skip
_SOURCES = [(name, _PLACE[name]) for name in SOURCES]
_KEYS = [(name, _PLACE[name]) for name in KEYS]
STATUSES = ("prospect_status", "customer_status")


class Fresh(NamedTuple):
    """A contact to insert; the id of ``record`` is still missing."""

    key: str
    record: list[Any]
    digest: str
    statuses: list[tuple[str, Any]]
    carried: list[Any]
    row: Row


class Changed(NamedTuple):
    """A contact loaded before whose row says something else by now."""

    key: str
    record_id: int
    values: dict[str, Any]
    digest: str
    statuses: list[tuple[str, Any]]
    carried: list[Any]
    row: Row


class ContactRows:
    """Loads one section of companies or people."""

    def __init__(self, loading: Loading, section: Section) -> None:
        self.loading = loading
        self.section, self.file = loading.begin(section)
        self.is_company = section.entity == Entity.COMPANIES
        self.kind = Kind.COMPANY.value if self.is_company else Kind.PERSON.value
        self.counts = loading.counts(section.entity)
        self.labels = Labels(loading, self.section, self.file)
        self.reader = RowReader(loading, self.section, self.file.header, self.labels.cells())
        self.mail = MailCells(loading, self.reader.names)
        self.parents: list[Parent] = []
        self.fresh: list[Fresh] = []
        self.changed: list[Changed] = []
        # Those of the vocabulary, as far as this section has added to it.
        self.words: set[str] = set()
        self._template = self._empty_record()
        # Where each value goes in the record, if it goes there as it is.
        self._direct = [
            (position, _PLACE[name])
            for position, name in enumerate(self.reader.names)
            if name in _PLACE
        ]
        self._moments = [
            (position, _PLACE[name])
            for position, name in enumerate(self.reader.names)
            if name == "created_at"
        ]
        named = {name: position for position, name in enumerate(self.reader.names)}
        self._full_name = named.get("full_name")
        self._company = named.get("company")
        self._owner = named.get("owner")
        self._parent = named.get("parent_company")
        self._statuses = [(name, named[name]) for name in STATUSES if name in named]

    def _empty_record(self) -> list[Any]:
        record = bulk.defaults_of(Contact, COLUMNS)
        record[_PLACE["is_organization"]] = self.is_company
        for name in ("created_at", "updated_at"):
            record[_PLACE[name]] = self.loading.stored(self.loading.now)
        return record

    def load(self) -> None:
        self.loading.take_rows(self.section, self.file, self._take, self.flush)

    def _take(self, row: Row) -> None:
        key = self.reader.key(row.cells)
        if self.section.repeated and (not key or key in self.loading.seen[self.kind]):
            self.counts.read -= 1
            return
        if problem := self.loading.check_key(self.kind, key, row):
            raise BadRow(" + ".join(self.section.key), problem)
        values = self.reader.values(row.cells)
        record = self._record(values)
        digest = digest_of(values)
        carried = values[len(self.reader.names) :]
        statuses = [(name, values[at]) for name, at in self._statuses if values[at] is not None]
        known = self.loading.directory.known[self.kind].get(key)
        if known is not None and known.exists and known.digest == digest:
            self.counts.unchanged += 1
            return
        if known is not None and not known.exists:
            self.counts.deleted += 1
            return
        if self._parent is not None and values[self._parent]:
            self.parents.append(
                Parent(
                    key,
                    values[self._parent],
                    self.section,
                    self.reader.column_of("parent_company"),
                    self.file,
                    row,
                )
            )
        self.mail.take(values)
        if known is None:
            self.fresh.append(Fresh(key, record, digest, statuses, carried, row))
        else:
            self.changed.append(
                Changed(key, known.record_id, self._changes(record), digest, statuses, carried, row)
            )

    def _record(self, values: list[Any]) -> list[Any]:
        """The row of the table, all but its id. Raises ``BadRow`` where a name is missing."""
        record = self._template.copy()
        for position, place in self._direct:
            value = values[position]
            if value is not None:
                record[place] = value
        for position, place in self._moments:
            if values[position] is not None:
                record[place] = self.loading.stored(values[position])
        if self._company is not None and values[self._company] is not None:
            record[_COMPANY] = values[self._company].id
        if self._owner is not None:
            record[_PLACE["owner_id"]] = values[self._owner]
        if self.is_company:
            if not record[_NAME]:
                raise BadRow(self.reader.column_of("name"), _("a company needs a name"))
        else:
            self._name_person(record, values)
        return record

    def _name_person(self, record: list[Any], values: list[Any]) -> None:
        if not record[_LAST] and self._full_name is not None and values[self._full_name]:
            record[_FIRST], record[_LAST] = split_name(values[self._full_name])
        if not record[_LAST]:
            column = self.reader.column_of("last_name") or self.reader.column_of("full_name")
            raise BadRow(column, _("a person needs a last name"))
        if len(record[_FIRST]) > 120 or len(record[_LAST]) > 120:
            raise BadRow(self.reader.column_of("full_name"), _("the name is too long"))
        record[_NAME] = person_name(record[_FIRST], record[_LAST])

    def _changes(self, record: list[Any]) -> dict[str, Any]:
        """What an update writes: the fields that the mapping names, and what follows from them."""
        changes = {
            COLUMNS[place]: record[place]
            for position, place in self._direct
            if COLUMNS[place] not in ("created_at",)
        }
        if self._full_name is not None:
            changes |= {"first_name": record[_FIRST], "last_name": record[_LAST]}
        if self._company is not None:
            changes["company_id"] = record[_COMPANY]
        if self._owner is not None:
            changes["owner_id"] = record[_PLACE["owner_id"]]
        if self._parent is not None:
            changes["parent_company_id"] = None
        return changes

    # -- writing

    def flush(self) -> None:
        self._insert()
        self._update()
        self.mail.flush()
        self.fresh, self.changed = [], []

    def _insert(self) -> None:
        if not self.fresh:
            return
        directory = self.loading.directory
        self._set_keys([fresh.record for fresh in self.fresh])
        ids = bulk.reserve_ids(Contact, len(self.fresh))
        for pk, fresh in zip(ids, self.fresh, strict=True):
            fresh.record[_ID] = pk
            self._note(pk, fresh)
            if not self.is_company:
                self.loading.company_of[pk] = fresh.record[_COMPANY]
        bulk.insert(Contact, COLUMNS, [fresh.record for fresh in self.fresh])
        self.labels.insert(
            [Taken(one.record[_ID], one.key, one.carried, one.row) for one in self.fresh]
        )
        self.loading.remember(
            self.kind, [(fresh.key, fresh.record[_ID], fresh.digest) for fresh in self.fresh]
        )
        if directory.names is not None or directory.emails is not None:
            for fresh in self.fresh:
                record = fresh.record
                directory.add_contact(self.kind, record[_ID], record[_NAME], record[_EMAIL])
        self.counts.created += len(self.fresh)

    def _set_keys(self, records: list[list[Any]]) -> None:
        companies = {record[_COMPANY] for record in records} - {None}
        names: dict[int, str] = {}
        if companies:
            found = Contact.objects.filter(pk__in=companies).order_by()
            names = dict(found.values_list("pk", "name"))
        for record in records:
            values = {name: record[place] for name, place in _SOURCES}
            keys = contact_keys(values, names.get(record[_COMPANY], ""))
            keys["folded"] = json.dumps(keys["folded"])
            for name, place in _KEYS:
                record[place] = keys[name]
        words = vocabulary_of(*(record[_SEARCH] for record in records)) - self.words
        remember_words(words)
        self.words |= words

    def _update(self) -> None:
        """Update through the models: deals and statuses follow a change of company."""
        if not self.changed:
            return
        stored = Contact.objects.in_bulk([changed.record_id for changed in self.changed])
        contacts = []
        for changed in self.changed:
            contact = stored[changed.record_id]
            for name, value in changed.values.items():
                setattr(contact, name, value)
            if not self.is_company:
                contact.name = person_name(contact.first_name, contact.last_name)
            contact.updated_at = self.loading.now
            contacts.append(contact)
            self._note(contact.pk, changed)
            self.loading.directory.add_contact(self.kind, contact.pk, contact.name, contact.email)
        names = {name.removesuffix("_id") for name in self.changed[0].values}
        names |= {"name", "updated_at"}
        with transaction.atomic():
            Contact.objects.bulk_update(contacts, sorted(names), batch_size=200)
        self.labels.update(
            [Taken(one.record_id, one.key, one.carried, one.row) for one in self.changed]
        )
        self.loading.remember_digests(
            self.kind, [(changed.digest, changed.key) for changed in self.changed]
        )
        self.counts.updated += len(self.changed)

    def _note(self, pk: int, taken: Fresh | Changed) -> None:
        for name, selected in taken.statuses:
            self.loading.selections.append(
                Selection(
                    pk,
                    name.removesuffix("_status"),
                    selected.value,
                    selected.at or self.loading.now,
                    self.kind,
                    taken.key,
                    self.reader.column_of(name),
                    self.file,
                    taken.row,
                )
            )
