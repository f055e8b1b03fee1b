"""From a row of a file to the values of its fields, checked, in the order of the mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models
from django.utils.translation import gettext as _

from contacts.statuses import WORDS
from deals.models import DealSource, LossReason, Reason, UnqualifiedReason
from deals.stages import as_moment
from imports import cells
from imports.fields import FIELDS, LONGEST, MODELS, Cell
from imports.mail_cells import basis
from imports.mapping import FieldMap, Section

if TYPE_CHECKING:
    from imports.loading import Loading

CHOICES: dict[str, type[Reason]] = {
    "source": DealSource,
    "loss_reason": LossReason,
    "unqualified_reason": UnqualifiedReason,
}
TEXTS = frozenset({Cell.TEXT, Cell.EMAIL, Cell.URL})


class BadRow(ValueError):
    """Why a row is not taken: the column, and the reason in words."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


class Selected(NamedTuple):
    """A status that a file gives, and when it was selected; None for with this load."""

    value: str
    at: datetime | None


class _Plan(NamedTuple):
    """How one field is read. ``get`` is None for the frequent case of one plain column."""

    column: str
    position: int
    default: str
    longest: int
    convert: Callable[[str], Any] | None
    get: Callable[[Sequence[str]], str] | None
    empty: Any
    read: Callable[[Sequence[str]], Any] | None


class RowReader:
    """Reads the rows of one section. ``names`` are the fields, in the order of the values; behind them come those of
    ``more``, as where they stand and how they are read.
    """

    def __init__(
        self,
        loading: Loading,
        section: Section,
        header: Sequence[str],
        more: Sequence[tuple[FieldMap, Callable[[str], Any]]] = (),
    ) -> None:
        self.loading = loading
        self.section = section
        self.positions = {column: position for position, column in enumerate(header)}
        self.names = list(section.fields)
        self._key = [self.positions[column] for column in section.key]
        self._plans = [self._plan(name) for name in self.names]
        self._plans += [self._planned(mapped, convert) for mapped, convert in more]

    def key(self, row: Sequence[str]) -> str:
        """The key of a row; empty if all its columns are."""
        if len(self._key) == 1:
            return row[self._key[0]].strip()
        return " ".join(row[position].strip() for position in self._key).strip()

    def values(self, row: Sequence[str]) -> list[Any]:
        """The values of a row's fields. Raises ``BadRow`` with all that is wrong with it."""
        values = []
        try:
            for _column, position, default, longest, convert, get, empty, read in self._plans:
                if read is not None:
                    values.append(read(row))
                    continue
                text = (row[position].strip() if get is None else get(row)) or default
                if not text:
                    values.append(empty)
                elif convert is not None:
                    values.append(convert(text))
                elif len(text) <= longest:
                    values.append(text)
                else:
                    values.append(cells.text_of(longest)(text))
        except cells.BadCell:
            raise self._bad_row(row) from None
        return values

    def column_of(self, name: str) -> str:
        mapped = self.section.fields.get(name)
        return " + ".join(mapped.columns) if mapped else ""

    def _bad_row(self, row: Sequence[str]) -> BadRow:
        columns, reasons = [], []
        for plan in self._plans:
            try:
                if plan.read is not None:
                    plan.read(row)
                    continue
                text = (plan.get(row) if plan.get else row[plan.position].strip()) or plan.default
                if text:
                    (plan.convert or cells.text_of(plan.longest))(text)
            except cells.BadCell as error:
                columns.append(plan.column)
                reasons.append(str(error))
        return BadRow("; ".join(columns), "; ".join(reasons))

    # -- how each field is read, worked out once

    def _plan(self, name: str) -> _Plan:
        mapped = self.section.fields[name]
        cell = FIELDS[self.section.entity][name]
        convert, longest = self._convert(name, cell, mapped)
        if mapped.words and cell not in (Cell.STATUS, Cell.STAGE):
            inner = convert or cells.text_of(longest)
            convert = cells.translated(mapped.words, inner, closed=False)
        read: Callable[[Sequence[str]], Any] | None = None
        if cell == Cell.STATUS:
            read = self._status(name, mapped)
        elif cell == Cell.CONTACT and name != "parent_company":
            read = self._contact(mapped)
        plan = self._planned(mapped, convert)
        return plan._replace(
            column=plan.column or name,
            longest=longest,
            empty="" if cell in TEXTS else None,
            read=read,
        )

    def _planned(self, mapped: FieldMap, convert: Callable[[str], Any] | None) -> _Plan:
        single = len(mapped.columns) == 1
        return _Plan(
            column=" + ".join(mapped.columns),
            position=self.positions[mapped.columns[0]] if single else 0,
            default=mapped.default,
            longest=0,
            convert=convert,
            get=None if single else partial(self._joined, mapped),
            empty=None,
            read=None,
        )

    def _joined(self, mapped: FieldMap, row: Sequence[str]) -> str:
        texts = (row[self.positions[column]].strip() for column in mapped.columns)
        return mapped.join.join(text for text in texts if text)

    def _text(self, mapped: FieldMap, row: Sequence[str]) -> str:
        return self._joined(mapped, row) or mapped.default

    def _convert(
        self, name: str, cell: Cell, mapped: FieldMap
    ) -> tuple[Callable[[str], Any] | None, int]:
        """How text becomes the value, None for as it is; and how long it may be."""
        section, now = self.section, self.loading.now
        form = section.date_format if mapped.form is None else mapped.form
        if cell == Cell.TEXT or name == "parent_company":
            return None, self._longest(name)
        converts: dict[Cell, Callable[[], Callable[[str], Any]]] = {
            Cell.EMAIL: lambda: self._email,
            Cell.URL: lambda: cells.url,
            Cell.NUMBER: lambda: cells.number(section.decimal, section.thousands),
            Cell.CURRENCY: lambda: cells.remembering(cells.currency),
            Cell.YES_OR_NO: lambda: cells.remembering(cells.boolean),
            Cell.DAY: lambda: cells.day(form),
            Cell.BEGINNING: lambda: cells.beginning(form, now),
            Cell.ENDING: lambda: cells.ending(form, now),
            Cell.USER: lambda: self.loading.user,
            Cell.STAGE: lambda: self.loading.stage,
            Cell.LANGUAGE: lambda: cells.remembering(cells.language),
            Cell.BASIS: lambda: cells.remembering(basis),
            Cell.CHOICE: lambda: cells.remembering(partial(self._choice, name)),
            Cell.DEAL: lambda: partial(self.loading.directory.deal, mapped),
        }
        return (converts[cell]() if cell in converts else None), 0

    def _longest(self, name: str) -> int:
        if name in LONGEST:
            return LONGEST[name]
        field = MODELS[self.section.entity]._meta.get_field(name)
        assert isinstance(field, models.Field)
        return field.max_length or 100_000

    def _email(self, text: str) -> str:
        try:
            address = cells.email(text)
            if self.loading.is_suppressed(address):
                self.loading.report.notes[
                    _("addresses of erased people, not to be written to")
                ] += 1
            return address
        except cells.BadCell:
            if self.section.drop_invalid_email:
                self.loading.report.notes[_("invalid e-mail addresses left out")] += 1
                return ""
            raise

    def _choice(self, name: str, text: str) -> int:
        model = CHOICES[name]
        cells.text_of(120)(text)
        return model._default_manager.get_or_create(name=text)[0].pk

    def _contact(self, mapped: FieldMap) -> Callable[[Sequence[str]], Any]:
        find = self.loading.directory.contact
        ways: list[FieldMap] = [mapped]
        while ways[-1].otherwise:
            ways.append(ways[-1].otherwise)

        def read(row: Sequence[str]) -> Any:
            for way in ways:
                if text := self._text(way, row):
                    return find(way, way.words.get(text, text))
            return None

        return read

    def _status(self, name: str, mapped: FieldMap) -> Callable[[Sequence[str]], Any]:
        values = {value: value for value in WORDS[name.removesuffix("_status")].values}
        words = cells.translated(mapped.words or values, str, closed=True)
        form = self.section.date_format if mapped.form is None else mapped.form
        read_date = cells.ending(form, self.loading.now)
        constant = as_moment(mapped.date, self.loading.now)
        dated = self.positions.get(mapped.date_column)

        def read(row: Sequence[str]) -> Selected | None:
            text = self._text(mapped, row)
            value = words(text) if text else None
            if not value:
                return None
            written = row[dated].strip() if dated is not None else ""
            at = read_date(written) if written else constant
            return Selected(value, at)

        return read


def split_name(full_name: str) -> tuple[str, str]:
    """First and last name; what stands after the last blank is the last name."""
    first, _blank, last = full_name.rpartition(" ")
    return first.strip(), last
