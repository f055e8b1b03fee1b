"""Makers of cells: what is the same for all rows of a page is prepared once, and a row costs a look-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from crm.lists.registry import Cell, CellMaker, Context
from crm.money import format_money

NOTHING = Cell("")


class CardLink:
    """Addresses of many cards: resolving each of them would take longer than drawing its row."""

    def __init__(self, view: str) -> None:
        self.before, self.after = reverse(view, args=[0]).rsplit("0", 1)

    def to(self, pk: int | None) -> str:
        return f"{self.before}{pk}{self.after}" if pk else ""


def reading(path: str) -> Callable[[Any], Any]:
    """A getter for an ORM path that gives None where a relation on the way is empty."""
    steps = path.split("__")
    if len(steps) == 1:
        return attrgetter(steps[0])

    def read(row: Any) -> Any:
        for step in steps:
            row = getattr(row, step)
            if row is None:
                return None
        return row

    return read


def text(path: str) -> CellMaker:
    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)
        return lambda row, found: Cell(read(row) or "")

    return maker


def mail(path: str) -> CellMaker:
    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)

        def cell(row: Any, found: Any) -> Cell:
            address = read(row)
            return Cell(address, f"mailto:{address}") if address else NOTHING

        return cell

    return maker


def moment(path: str) -> CellMaker:
    """A point in time as its day."""

    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)
        shown = cache(lambda day: Cell(date_format(day, "SHORT_DATE_FORMAT")))
        zone = context.zone

        def cell(row: Any, found: Any) -> Cell:
            value = read(row)
            return shown(timezone.localtime(value, zone).date()) if value else NOTHING

        return cell

    return maker


def day(path: str) -> CellMaker:
    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)
        shown = cache(lambda value: Cell(date_format(value, "SHORT_DATE_FORMAT")))

        def cell(row: Any, found: Any) -> Cell:
            value = read(row)
            return shown(value) if value else NOTHING

        return cell

    return maker


def days_since(path: str) -> CellMaker:
    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)
        today, zone = context.today, context.zone

        def cell(row: Any, found: Any) -> Cell:
            value = read(row)
            if value is None:
                return NOTHING
            return Cell(str((today - timezone.localtime(value, zone).date()).days))

        return cell

    return maker


def number(path: str) -> CellMaker:
    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)
        shown = cache(lambda value: Cell(str(number_format(value, use_l10n=True))))
        return lambda row, found: shown(read(row))

    return maker


def yes_no(path: str) -> CellMaker:
    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)
        yes = Cell(_("yes"))
        return lambda row, found: yes if read(row) else NOTHING

    return maker


def choice(path: str, labels: Callable[[Context], Mapping[Any, Any]]) -> CellMaker:
    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)
        cells = {value: Cell(str(label)) for value, label in labels(context).items()}
        return lambda row, found: cells.get(read(row), NOTHING)

    return maker


def status(path: str, kind: str, labels: Mapping[str, Any]) -> CellMaker:
    """A status as its badge, drawn once for all rows. Most rows stand nowhere: there the words are enough."""

    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read = reading(path)
        cells = {value: Cell(_badge(kind, value, label)) for value, label in labels.items()}
        return lambda row, found: cells.get(read(row), NOTHING)

    return maker


def _badge(kind: str, value: str, label: Any) -> str:
    if value == "none":
        return str(label)
    return render_to_string("_status.html", {"kind": kind, "value": value, "label": label})


def person(path: str) -> CellMaker:
    """A user's name; a page of fifty rows has few."""

    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read, read_id = reading(path), attrgetter(f"{path}_id")
        known: dict[Any, Cell] = {None: NOTHING}

        def cell(row: Any, found: Any) -> Cell:
            pk = read_id(row)
            if pk not in known:
                known[pk] = Cell(str(read(row)))
            return known[pk]

        return cell

    return maker


def record(path: str, view: str) -> CellMaker:
    """The name of a related record, leading to its card."""

    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read, read_id, link = reading(path), attrgetter(f"{path}_id"), CardLink(view)

        def cell(row: Any, found: Any) -> Cell:
            pk = read_id(row)
            return Cell(read(row).name, link.to(pk)) if pk else NOTHING

        return cell

    return maker


def found(shown: Callable[[Any], Cell]) -> CellMaker:
    """What the column's loader found for a row, shown by ``shown``."""
    return lambda context: lambda row, one: NOTHING if one is None else shown(one)


def money(value: str, currency: str) -> CellMaker:
    def maker(context: Context) -> Callable[[Any, Any], Cell]:
        read, read_currency = reading(value), reading(currency)
        return lambda row, one: Cell(format_money(read(row), read_currency(row)))

    return maker


def sums(amounts: Sequence[tuple[str, Any]]) -> Cell:
    """Sums by currency: “1,000 EUR, 500 USD”."""
    return Cell(", ".join(format_money(amount, currency) for currency, amount in amounts))
