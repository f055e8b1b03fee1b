"""Loading deals."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from contacts.words import remember_words, vocabulary_of
from deals.keys import deal_keys
from deals.models import Deal
from deals.querysets import companies_of
from deals.stages import Group
from imports import bulk
from imports.labels import Labels, Taken
from imports.loading import Loading, digest_of
from imports.mapping import Section
from imports.models import ImportedRecord
from imports.reading import Row
from imports.rows import BadRow, RowReader

Kind = ImportedRecord.Kind
COLUMNS = bulk.columns_of(Deal)
_PLACE = {column: position for position, column in enumerate(COLUMNS)}
_ID, _NAME, _STAR, _COMPANY, _STAGE, _GROUP, _OPENED, _CLOSED, _REACHED, _SEARCH, _CREATED = (
    _PLACE[column]
    for column in (
        "id", "name", "primary_contact_id", "company_id", "stage_id", "group", "opened_at",
        "closed_at", "stage_changed_at", "search_key", "created_at",
    )
)  # fmt: skip
_PLAIN = ("name", "value", "currency", "hot", "estimated_close_date")
_REFERRING = ("owner", "source", "loss_reason", "unqualified_reason")
_MOMENTS = ("opened_at", "closed_at", "stage_changed_at", "created_at")


class Fresh(NamedTuple):
    """A deal to insert; its id is missing still, its company may be."""

    key: str
    record: list[Any]
    digest: str
    star_is_company: bool
    carried: list[Any]
    row: Row


class Changed(NamedTuple):
    """A deal loaded before whose row says something else by now."""

    key: str
    record_id: int
    values: dict[str, Any]
    digest: str
    carried: list[Any]
    row: Row


class DealRows:
    """Loads one section of deals. Adds the ids of those that are new to ``star_of``."""

    def __init__(self, loading: Loading, section: Section) -> None:
        self.loading = loading
        self.section, self.file = loading.begin(section)
        self.counts = loading.counts(section.entity)
        self.labels = Labels(loading, self.section, self.file)
        self.reader = RowReader(loading, self.section, self.file.header, self.labels.cells())
        self.fresh: list[Fresh] = []
        self.changed: list[Changed] = []
        # Those of the vocabulary, as far as this section has added to it.
        self.words: set[str] = set()
        named = {name: position for position, name in enumerate(self.reader.names)}
        self._named = named
        self._star, self._stage = named["primary_contact"], named["stage"]
        self._company = named.get("company")
        # Where each value goes in the record.
        self._direct = [(named[name], _PLACE[name]) for name in _PLAIN if name in named]
        self._direct += [
            (named[name], _PLACE[f"{name}_id"]) for name in _REFERRING if name in named
        ]
        self._moments = [(named[name], _PLACE[name]) for name in _MOMENTS if name in named]
        self._template = bulk.defaults_of(Deal, COLUMNS)
        self._template[_PLACE["updated_at"]] = loading.stored(loading.now)
        self._template[_PLACE["stage_changed_by_id"]] = loading.actor_id
        for place in (_OPENED, _CLOSED, _REACHED):
            self._template[place] = None
        self._template[_CREATED] = loading.now

    def load(self) -> None:
        self.loading.take_rows(self.section, self.file, self._take, self.flush)

    def _take(self, row: Row) -> None:
        key = self.reader.key(row.cells)
        if self.section.repeated and (not key or key in self.loading.seen[Kind.DEAL]):
            self.counts.read -= 1
            return
        if problem := self.loading.check_key(Kind.DEAL, key, row):
            raise BadRow(" + ".join(self.section.key), problem)
        values = self.reader.values(row.cells)
        self._check(values)
        carried = values[len(self.reader.names) :]
        digest = digest_of(values)
        known = self.loading.directory.known[Kind.DEAL].get(key)
        if known is None:
            record = self._record(values)
            star_is_company = values[self._star].is_company
            self.fresh.append(Fresh(key, record, digest, star_is_company, carried, row))
        elif not known.exists:
            self.counts.deleted += 1
        elif known.digest == digest:
            self.counts.unchanged += 1
        else:
            changes = self._changes(values)
            self.changed.append(Changed(key, known.record_id, changes, digest, carried, row))

    def _check(self, values: list[Any]) -> None:
        if not values[self._named["name"]]:
            raise BadRow(self.reader.column_of("name"), _("a deal needs a name"))
        if values[self._star] is None:
            raise BadRow(
                self.reader.column_of("primary_contact"),
                _("names no contact: a deal needs a main contact"),
            )
        if values[self._stage] is None:
            raise BadRow(self.reader.column_of("stage"), _("a deal needs a stage"))

    def _record(self, values: list[Any]) -> list[Any]:
        """The row of the table, with dates and group as ``Deal.prepare_inserts`` sets them."""
        record = self._template.copy()
        for position, place in self._direct:
            value = values[position]
            if value is not None:
                record[place] = value
        for position, place in self._moments:
            if values[position] is not None:
                record[place] = values[position]
        record[_STAR] = values[self._star].id
        if self._company is not None and values[self._company] is not None:
            record[_COMPANY] = values[self._company].id
        stage = values[self._stage]
        record[_STAGE], record[_GROUP] = stage
        for key, text in deal_keys(record[_NAME]).items():
            record[_PLACE[key]] = text
        self._date(record)
        for place in (_OPENED, _CLOSED, _REACHED, _CREATED):
            record[place] = self.loading.stored(record[place])
        return record

    def _date(self, record: list[Any]) -> None:
        now = self.loading.now
        if record[_GROUP] == Group.ACTIVE:
            record[_CLOSED] = None
            record[_OPENED] = record[_OPENED] or now
            # How long it has been in its stage is not known; it has not been there any longer.
            record[_REACHED] = record[_REACHED] or record[_OPENED]
            return
        if record[_CLOSED] is None:
            self.loading.report.notes[_("closed deals without a date, taken as closed now")] += 1
        closed = record[_CLOSED] = record[_CLOSED] or record[_REACHED] or now
        record[_OPENED] = min(record[_OPENED] or closed, closed)
        record[_REACHED] = min(record[_REACHED] or closed, closed)

    def _changes(self, values: list[Any]) -> dict[str, Any]:
        """What an update writes: the fields that the mapping names and the row gives."""
        changes: dict[str, Any] = {}
        nullable = {"value", "estimated_close_date", *_REFERRING}
        for name, position in self._named.items():
            value = values[position]
            if name in ("primary_contact", "company"):
                if value is not None:
                    changes[f"{name}_id"] = value.id
            elif name == "stage":
                changes["stage_id"] = value.id
            elif name == "closed_at":
                changes[name] = None if values[self._stage].group == Group.ACTIVE else value
            elif name != "created_at" and (value is not None or name in nullable):
                changes[f"{name}_id" if name in _REFERRING else name] = value
        return changes

    # -- writing

    def flush(self) -> None:
        self._insert()
        self._update()
        self.fresh, self.changed = [], []

    def _insert(self) -> None:
        if not self.fresh:
            return
        loading = self.loading
        self._set_companies()
        ids = bulk.reserve_ids(Deal, len(self.fresh))
        for pk, fresh in zip(ids, self.fresh, strict=True):
            fresh.record[_ID] = pk
            loading.star_of[pk] = fresh.record[_STAR]
        bulk.insert(Deal, COLUMNS, [fresh.record for fresh in self.fresh])
        self.labels.insert(
            [Taken(one.record[_ID], one.key, one.carried, one.row) for one in self.fresh]
        )
        words = vocabulary_of(*(fresh.record[_SEARCH] for fresh in self.fresh)) - self.words
        remember_words(words)
        self.words |= words
        loading.remember(
            Kind.DEAL, [(fresh.key, fresh.record[_ID], fresh.digest) for fresh in self.fresh]
        )
        loading.directory.add_deals(
            (fresh.record[_NAME], fresh.record[_ID]) for fresh in self.fresh
        )
        self.counts.created += len(self.fresh)

    def _set_companies(self) -> None:
        """Section 1 of the law: a company named by the file, else the main contact's."""
        company_of = self.loading.company_of
        lacking = [fresh for fresh in self.fresh if fresh.record[_COMPANY] is None]
        strangers = {
            fresh.record[_STAR]
            for fresh in lacking
            if not fresh.star_is_company and fresh.record[_STAR] not in company_of
        }
        if strangers:
            company_of.update(companies_of(strangers))
        for fresh in lacking:
            star = fresh.record[_STAR]
            fresh.record[_COMPANY] = star if fresh.star_is_company else company_of[star]

    def _update(self) -> None:
        """Update through the models, which keep wins and follow stars as the law says."""
        if not self.changed:
            return
        ids = [changed.record_id for changed in self.changed]
        stored = Deal.objects.select_related("stage").in_bulk(ids)
        # Rows that give the same fields are written together.
        alike: dict[frozenset[str], list[Deal]] = {}
        for changed in self.changed:
            deal = stored[changed.record_id]
            stage_id = changed.values.get("stage_id", deal.stage_id)
            moved = stage_id != deal.stage_id
            for name, value in changed.values.items():
                setattr(deal, name, value)
            if moved:
                deal.stage = self.loading.stage_by_id[stage_id]
            if not moved and deal.group != Group.ACTIVE and deal.closed_at is None:
                deal.closed_at = deal._loaded["closed_at"]
            deal.updated_at = self.loading.now
            fields = {name.removesuffix("_id") for name in changed.values} | {"updated_at"}
            alike.setdefault(frozenset(fields), []).append(deal)
        for names, deals in alike.items():
            Deal.objects.bulk_update(deals, sorted(names), batch_size=200)
        self.labels.update(
            [Taken(one.record_id, one.key, one.carried, one.row) for one in self.changed]
        )
        self.loading.remember_digests(
            Kind.DEAL, [(changed.digest, changed.key) for changed in self.changed]
        )
        self.counts.updated += len(self.changed)
