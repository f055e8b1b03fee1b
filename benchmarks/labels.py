"""Tags and custom fields: a list that asks for them, removing what half the contacts carry, loading them.

Every contact has a value of each of ``FIELDS`` custom fields, half of them a tag. The limit of the list is the raw
statement and a plain loop over the same rows, in the frame of the page.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from benchmarks import data, limits, loading
from benchmarks.data import chance
from benchmarks.generate import generate
from benchmarks.measure import Result, turn_about
from benchmarks.pages import Reader
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Raw, Store
from contacts.models import ContactTag, ContactValue
from settings.models import CustomField, Option, Tag
from settings.services import delete_label, undo_removal

# The types of the twenty fields, in turn.
TYPES = ("text", "whole", "date", "choice", "yes_no")
FIELDS = 20
OPTIONS = 5
STARTING = 2
LIST_AT_MOST, LOAD_AT_MOST, LONGEST_WAIT = 3, 3, 1.0


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    fill(store, "labels", sizes.small)
    size = f"{shown(sizes.small)} contacts, {FIELDS} custom fields each"
    yield _list(store, size, sizes.short_pairs)
    # PostgreSQL locks rows: nobody waits but whoever changes one of the same.
    if store.vendor == "sqlite":
        yield from _removing(store, size)
    store.drop("labels")
    yield _load(store, sizes)


# -- the data


def fill(store: Store, name: str, contacts: int) -> None:
    """Contacts with a value of each field, and a tag on half of them; written by the database itself."""
    data.fill(store, name, contacts)
    fields = make_fields()
    tag = Tag.objects.create(name="Half", category="contacts")
    options = Option.objects.filter(field__type="choice").order_by("pk")
    first_option = {
        field.pk: options.filter(field=field)[0].pk for field in fields[3 :: len(TYPES)]
    }
    connection.close()
    raw = store.raw(name)
    if raw.vendor == "postgresql":
        raw.run("SET session_replication_role = replica")
    indexes = _drop_indexes(raw)
    with raw.transaction():
        _values(raw, contacts, fields, first_option)
        words = data._Words(raw.vendor)
        half = f"(SELECT i FROM {words.series(1, contacts)} WHERE i % 2 = 0) AS h"
        raw.run(data._insert(ContactTag, {"contact_id": "i", "tag_id": str(tag.pk)}, half))
    for statement in indexes:
        raw.run(statement)
    data.settle(raw)
    raw.close()


def make_fields() -> list[CustomField]:
    made = []
    for number in range(FIELDS):
        kind = TYPES[number % len(TYPES)]
        field = CustomField.objects.create(name=f"Made {number}", category="contacts", type=kind)
        if kind == "choice":
            for position in range(OPTIONS):
                Option.objects.create(field=field, name=f"Option {position}", position=position)
        made.append(field)
    return made


def _drop_indexes(raw: Raw) -> list[str]:
    """As for the other tables: what no constraint needs is made again once the rows are there."""
    tables = "'contacts_contactvalue', 'contacts_contacttag'"
    if raw.vendor == "postgresql":
        found = raw.rows(
            f"""SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({tables})
            AND indexdef NOT LIKE 'CREATE UNIQUE%'"""
        )
    else:
        found = raw.rows(
            f"""SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
            AND tbl_name IN ({tables}) AND sql NOT LIKE 'CREATE UNIQUE%'"""
        )
    for name, _statement in found:
        raw.run(f'DROP INDEX "{name}"')
    return [statement for _name, statement in found]


def _values(
    raw: Raw, contacts: int, fields: list[CustomField], first_option: dict[int, int]
) -> None:
    """Contact by contact, which is how the unique index likes it."""
    words = data._Words(raw.vendor)
    lot = "(i * 31 + n)"
    day = words.minute(f"1440 * {chance(lot, 53, 3000)}")
    day = f"CAST({day} AS date)" if raw.vendor == "postgresql" else f"date({day})"
    kinds = " UNION ALL ".join(
        f"SELECT {number} AS n, {one.pk} AS field_id, '{one.type}' AS kind, "
        f"{first_option.get(one.pk, 0)} AS first_option"
        for number, one in enumerate(fields)
    )

    def when(kind: str, value: str) -> str:
        return f"CASE WHEN kind = '{kind}' THEN {value} END"

    text = f"'Value ' || {chance(lot, 51, 1000)}"
    raw.run(
        data._insert(
            ContactValue,
            {
                "contact_id": "i",
                "field_id": "field_id",
                "text": f"COALESCE({when('text', text)}, '')",
                "key": when("text", f"lower({text})"),
                "number": when("whole", chance(lot, 52, 100_000)),
                "date": when("date", day),
                "option_id": when("choice", f"first_option + {chance(lot, 54, OPTIONS)}"),
                "yes": when("yes_no", f"({chance(lot, 55, 2)} = 1)"),
            },
            f"{words.series(1, contacts)} CROSS JOIN ({kinds}) AS f ORDER BY i, n",
        )
    )


# -- a list


def _list(store: Store, size: str, pairs: int) -> Result:
    number, option, day = _chosen()
    query = (
        f"tags={Tag.objects.get(name='Half').pk}&{number.form_name}.least=50000"
        f"&{option.form_name}={option.options.all()[1].pk}&sort=-{day.form_name}"
    )
    reader = Reader()
    rows = reader.rows("contacts", query), reader.rows("plain/labels", query)
    assert len(rows[0]) == 50
    assert rows[0] == rows[1]
    times = turn_about(
        lambda: reader.get("contacts", query), lambda: reader.get("plain/labels", query),
        pairs=pairs, warm=3,
    )  # fmt: skip
    words = "contacts by two custom fields and a tag, sorted by a third, first page"
    return Result(words, store.vendor, size, *times, LIST_AT_MOST)


def _chosen() -> tuple[CustomField, CustomField, CustomField]:
    """A number and a choice to ask for, a day to sort by."""
    number, option, day = (
        CustomField.objects.filter(type=kind, name__startswith="Made").order_by("pk")[0]
        for kind in ("whole", "choice", "date")
    )
    return number, option, day


# -- removing


def _removing(store: Store, size: str) -> Iterator[Result]:
    """How long others wait while what many carry is deleted, and while that is undone."""
    _halve(store)
    tag = Tag.objects.get(name="Half")
    field = CustomField.objects.get(name="Made 0")
    for words, label in (("a tag", tag), ("a field", field)):
        removal: list[Any] = []
        for what, act in (
            (f"deleting {words} of half the contacts", lambda: removal.append(delete_label(label))),  # noqa: B023
            ("undoing that", lambda: undo_removal(removal[0])),  # noqa: B023
        ):
            waited = _longest_wait(act)
            yield Result(
                f"longest wait of another writer: {what} ({words})", store.vendor, size,
                waited, LONGEST_WAIT, 1,
            )  # fmt: skip


def _halve(store: Store) -> None:
    """Take the values of one field off every other contact."""
    field = CustomField.objects.get(name="Made 0")
    connection.close()
    raw = store.raw("labels")
    raw.run(f"DELETE FROM contacts_contactvalue WHERE field_id = {field.pk} AND contact_id % 2 = 1")
    data.settle(raw)
    raw.close()


def _longest_wait(act: Callable[[], Any]) -> float:
    """Of somebody who writes all the time."""
    command = [sys.executable, "-m", "benchmarks.waiting", connection.settings_dict["NAME"]]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    # It has to be at work by then, and for a while after.
    time.sleep(STARTING)
    act()
    time.sleep(0.2)
    answer, _nothing = writer.communicate("")
    longest, times = answer.split()
    assert int(times) > 1
    return float(longest)


# -- loading

TABLES = (
    *loading.TABLES[:3],
    "settings_tag",
    "settings_customfield",
    "settings_option",
    *loading.TABLES[3:],
    "contacts_contactvalue",
)


def _load(store: Store, sizes: Sizes) -> Result:
    store.create("empty")
    make_fields()
    with tempfile.TemporaryDirectory(prefix="standing-files-") as folder:
        files = Path(folder)
        mapping = generate(
            files, contacts=sizes.load, deals=sizes.load // 2, links=sizes.load // 4, seed=1
        )
        _widen(files, mapping)

        def fresh() -> None:
            store.copy("empty", "loaded")
            store.use("loaded")

        def load() -> None:
            call_command(
                "load", folder, map=str(mapping), rejects=files / "rejects.csv", verbosity=0,
                stdout=StringIO(),
            )  # fmt: skip

        fresh()
        load()
        raw = store.raw("loaded")
        tables = {table: loading._rows(raw, table) for table in TABLES}
        raw.close()
        assert len(tables["contacts_contactvalue"][1]) == FIELDS * sizes.load
        # What is there before the load is not written by hand either.
        for table in ("settings_tag", "settings_customfield", "settings_option"):
            del tables[table]

        def by_hand() -> None:
            connection.close()
            raw = store.raw("loaded")
            limits.prepare(raw)
            loading._by_hand(raw, files, tables)
            raw.close()

        times = turn_about(load, by_hand, pairs=sizes.long_pairs, before=fresh)
    size = f"{shown(sizes.load)} contacts, {FIELDS} custom fields each"
    store.drop("loaded")
    store.drop("empty")
    return Result("load with custom fields", store.vendor, size, *times, LOAD_AT_MOST)


def _widen(files: Path, mapping: Path) -> None:
    """Twenty columns more in the files of people and companies."""
    for name in ("people", "companies"):
        path = files / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header + [f"contacts:Made {number}" for number in range(FIELDS)])
            writer.writerows(
                row + [_cell(TYPES[n % len(TYPES)], at * 31 + n) for n in range(FIELDS)]
                for at, row in enumerate(rows)
            )
    text = mapping.read_text(encoding="utf-8")
    for name in ("people", "companies"):
        line = f'file = "{name}.csv"\n'
        text = text.replace(line, f"{line}custom_fields = true\n")
    mapping.write_text(text, encoding="utf-8")


def _cell(kind: str, lot: int) -> str:
    return {
        "text": f"Value {lot % 1000}",
        "whole": str(lot * 7919 % 100_000),
        "date": f"20{10 + lot % 16}-{1 + lot % 12:02}-{1 + lot % 28:02}",
        "choice": f"Option {lot % OPTIONS}",
        "yes_no": "yes" if lot % 2 else "no",
    }[kind]
