"""From the fields of a list to the columns of a file, and what files of a record type have besides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst

from crm.accounts.models import User
from crm.exports.columns import ExportColumn, Kind
from crm.lists.kinds import Choice, Moment, Number, Person, YesNo
from crm.lists.registry import Context, Field, registry_of
from crm.lists.through import Through


@dataclass(frozen=True)
class Exports:
    """What is particular to the files of a record type.

    ``first`` are columns of every file but Mailchimp's, by which rows are known again; ``own`` columns that lists do
    not have, or that files have from elsewhere than lists; ``beside`` what has to stand beside a column, or it would
    say nothing; ``complete`` all that `load` reads, by name.
    """

    record: str
    action: str
    stem: str
    first: Sequence[ExportColumn]
    own: Mapping[str, ExportColumn]
    beside: Mapping[str, str]
    complete: Sequence[str]
    mailchimp: Callable[[], Sequence[ExportColumn]] | None = None
    # The columns among some names that people have made, by name.
    made: Callable[[Exports, Sequence[str], Context], Mapping[str, ExportColumn]] | None = None
    title: str | Promise = ""
    # Of a queryset, the addresses in it: as (name, address).
    addresses: tuple[str, str] | None = None

    def column(self, name: str, context: Context) -> ExportColumn | None:
        """The column of this name; None if there is none, or if nothing of it can be taken along."""
        for column in self.first:
            if column.name == name:
                return column
        if name in self.own:
            return _as_seen(self.own[name], self.own[name].through, context)
        field = registry_of(self.record).get(name)
        found = column_of(field, context) if field else None
        return _as_seen(found, field.through, context) if field and found else None

    def columns(self, names: Iterable[str], context: Context) -> list[ExportColumn]:
        """The columns of a file with these; names that there are none of are left out."""
        wanted = [column.name for column in self.first]
        for name in names:
            wanted += [name, *([self.beside[name]] if name in self.beside else [])]
        wanted = list(dict.fromkeys(wanted))
        made = self.made(self, wanted, context) if self.made else {}
        found = (made.get(name) or self.column(name, context) for name in wanted)
        return [column for column in found if column]

    def everything(self) -> list[str]:
        """The names of all that `load` reads, with those that people have made."""
        return [*self.complete, *(one.name for one in registry_of(self.record).made())]

    def titles(self) -> list[str]:
        """What people call the columns that every installation has, in the language of now."""
        fields = registry_of(self.record).own.values()
        headers = [one.header for one in (*self.first, *self.own.values())]
        return [capfirst(str(title)) for title in (*headers, *(one.label for one in fields))]

    def has(self, names: Iterable[str]) -> bool:
        """Whether there are all of these columns, which somebody may have removed meanwhile."""
        registry = registry_of(self.record)
        return all(name in self.own or registry.get(name) for name in names)

    def every_column(self, context: Context) -> list[ExportColumn]:
        """Every column that a file may have."""
        names = [*self.own, *registry_of(self.record).fields]
        return self.columns(names, context)


def _as_seen(column: ExportColumn, through: Through | None, context: Context) -> ExportColumn:
    if through is None or through.rows(context) is None:
        return column
    return replace(column, source=through.value(column.source, context))


_exports: dict[str, Exports] = {}


def register(exports: Exports) -> Exports:
    _exports[exports.record] = exports
    return exports


def exports_of(record: str) -> Exports:
    """Raises ``KeyError`` for a record type that is not exported."""
    return _exports[record]


def column_of(field: Field, context: Context) -> ExportColumn | None:
    """What a field of a list is in a file; None where it has nothing to take along."""
    source = field.source or (None if field.loader else field.path)
    if source:
        kind, words, read_back = _kind(field, context)
        convert = field.convert(context) if field.convert else _code(field)
        return ExportColumn(
            field.name, field.label, source, convert, kind, words=words, read_back=read_back
        )
    if field.loader is None or field.cell is None:
        return None
    return ExportColumn(field.name, field.label, "pk", look_up=_looked_up(field, context))


def _kind(
    field: Field, context: Context
) -> tuple[Kind, Callable[[], Mapping[Any, Any]] | None, bool]:
    if isinstance(field.kind, Moment):
        return ("date" if field.kind.dates else "datetime"), None, False
    if isinstance(field.kind, Number):
        return ("number" if field.kind.whole else "money"), None, False
    if isinstance(field.kind, Person):
        return "text", lambda: names_of_users(context), False
    if isinstance(field.kind, Choice | YesNo):
        # Of a relation it is the name that is taken along, and that is a word already.
        coded = not field.source or "__" not in str(field.source)
        return "text", (lambda: dict(field.kind.choices(field, context))) if coded else None, coded
    return "text", None, False


def _code(field: Field) -> Callable[[Any], Any] | None:
    if isinstance(field.kind, YesNo):
        return lambda value: None if value is None else "yes" if value else "no"
    return None


def names_of_users(context: Context) -> dict[str, str]:
    """Full names by user name; of those who share one, the user name, which tells them apart."""

    def look_up() -> dict[str, str]:
        users = User.objects.only("username", "first_name", "last_name")
        names = {user.username: str(user) for user in users}
        shared = [name.casefold() for name in (*names.values(), *names)]
        return {
            username: name if shared.count(name.casefold()) == 1 + (name == username) else username
            for username, name in names.items()
        }

    found: dict[str, str] = context.once("names of users", look_up)
    return found


def _looked_up(field: Field, context: Context) -> Callable[[Sequence[Any]], Mapping[Any, Any]]:
    """What the column shows, for what a list finds for a page of rows at once."""

    def look_up(keys: Sequence[Any]) -> dict[Any, str]:
        assert field.loader is not None
        assert field.cell is not None
        rows = [SimpleNamespace(pk=key) for key in keys]
        found = field.loader(rows, context, [field])
        cell = field.cell(context)
        shown = {row.pk: cell(row, found.get(row.pk)).text for row in rows}
        return {key: text.replace("\u00a0", " ") for key, text in shown.items()}

    return look_up
