"""Contacts and deals at any size, the same for the same size, made by the database itself.

One contact in five is a company. Of the people nine in ten work for one. There are half as many
deals as contacts; they concentrate on a fifth of the people, as business does, and between them they
count for a little over 40 % of the contacts. The first ``TEAMS`` deals are active and have a
company and five co-workers each, spread over the whole table: moving them is one of the works.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, models

from benchmarks import limits
from benchmarks.stores import Raw, Store
from contacts.models import Contact
from crm.accounts.models import User
from deals.models import Deal, DealContact, Pipeline, Stage

SEED = 20261123
TEAMS = 240
OWNERS = 5
STAGES = ("incoming", "in_progress", "won", "lost", "unqualified")
# Pairs of letters that names are made of.
_BEGINNINGS = "BaBeBrChDaElFrGrHaIsJoKaKrLeLuMaMoNiOtPeRaRoSaScTaTeUlVaVoWaWeWiXaYoZaZe"
_MIDDLES = "rilonatesamilenorakubadegihojekimulopanuretisovewazy"


class _Words:
    """The few things that the two databases spell differently."""

    def __init__(self, vendor: str) -> None:
        self.postgresql = vendor == "postgresql"

    def series(self, first: int, last: int) -> str:
        if self.postgresql:
            return f"generate_series({first}::bigint, {last}) AS s(i)"
        return (
            f"(WITH RECURSIVE s(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM s "
            f"WHERE i < {last}) SELECT i FROM s) AS s"
        )

    def minute(self, minutes: str) -> str:
        """That many minutes after New Year 2019."""
        if self.postgresql:
            return f"timestamptz '2019-01-01 00:00Z' + ({minutes}) * interval '1 minute'"
        return f"datetime('2019-01-01', '+' || ({minutes}) || ' minutes')"

    def json(self, **values: str) -> str:
        pairs = ", ".join(f"'{name}', {value}" for name, value in values.items())
        return f"{'jsonb_build_object' if self.postgresql else 'json_object'}({pairs})"


def chance(number: str, salt: int, below: int) -> str:
    """A number from 0 to below - 1 that looks drawn by lot, from ``number`` and nothing else."""
    mixed = f"(({number}) * 48271 + {salt * 7919 + SEED % 99991}) % 2147483647 * 69621"
    return f"CAST({mixed} % 2147483647 / 7 % {below} AS integer)"


def _name(number: str, salt: int) -> str:
    begin = f"substr('{_BEGINNINGS}', 1 + 2 * {chance(number, salt, len(_BEGINNINGS) // 2)}, 2)"
    parts = [
        f"substr('{_MIDDLES}', 1 + 2 * {chance(number, salt + turn, len(_MIDDLES) // 2)}, 2)"
        for turn in (1, 2)
    ]
    return " || ".join([begin, *parts])


def _insert(model: type[models.Model], given: dict[str, str], source: str) -> str:
    """INSERT ... SELECT with every column: those given, and the defaults of the others."""
    columns = dict(given)
    for field in model._meta.concrete_fields:
        if not field.column or field.column in columns or field.generated or field.primary_key:
            continue
        default: Any = field.get_default()
        if isinstance(default, bool):
            default = f"(1 = {1 if default else 0})"
        elif isinstance(default, str) or default is None:
            default = "NULL" if default is None else f"'{default}'"
        columns[field.column] = str(default)
    names = ", ".join(f'"{name}"' for name in columns)
    return (
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(columns.values())} "
        f"FROM {source}"
    )


def fill(store: Store, name: str, contacts: int, *, counted: bool = True) -> None:
    """Make the database ``name`` with that many contacts, no history yet, all statuses right.

    Without ``counted`` nothing is counted: every party is stored, every fact zero. Made once for
    each size, and copied from then on.
    """
    original = f"original_{contacts}_{'counted' if counted else 'uncounted'}"
    if original not in store.originals:
        _fill(store, original, contacts, counted=counted)
        store.originals.add(original)
    store.copy(original, name)
    store.use(name)


def _fill(store: Store, name: str, contacts: int, *, counted: bool) -> None:
    store.create(name)
    for number in range(1, OWNERS + 1):
        User(pk=number, username=f"user{number}", first_name="Ann", last_name=f"No{number}").save()
    pipeline = Pipeline.objects.create(name="Benchmark", position=9)
    stages = {
        category: Stage.objects.create(
            pipeline=pipeline, category=category, name=category.title(), position=position
        ).pk
        for position, category in enumerate(STAGES)
    }
    connection.close()
    raw = store.raw(name)
    if raw.vendor == "postgresql":
        # Neither triggers nor foreign keys while loading: the data keeps them by construction.
        raw.run("SET session_replication_role = replica")
    indexes = _drop_indexes(raw)
    with raw.transaction():
        _contacts(raw, contacts)
        _vocabulary(raw)
        _deals(raw, contacts, stages)
        _links(raw, contacts)
        raw.run(limits.INSERT_PARTIES)
    raw.run("ANALYZE")
    if counted:
        raw.run(limits.WRITE_FACTS)
    for statement in indexes:
        raw.run(statement)
    if raw.vendor == "postgresql":
        for table in ("contacts_contact", "deals_deal", "deals_dealcontact", "deals_dealparty"):
            raw.run(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), "
                f"(SELECT MAX(id) FROM {table}))"
            )
    settle(raw)
    raw.close()


def settle(raw: Raw) -> None:
    """What the server does by itself in a quiet minute, so that it does not do it in between."""
    if raw.vendor == "postgresql":
        raw.run("VACUUM (FREEZE, ANALYZE)")
        raw.run("CHECKPOINT")
    else:
        raw.run("ANALYZE")
        raw.run("PRAGMA wal_checkpoint(TRUNCATE)")


def _drop_indexes(raw: Raw) -> list[str]:
    """Drop the indexes that no constraint needs; returns the statements that make them again."""
    tables = "'contacts_contact', 'deals_deal', 'deals_dealcontact', 'deals_dealparty'"
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
    return [statement for _name_, statement in found]


def _companies(contacts: int) -> int:
    return contacts // 5


def _team_step(contacts: int) -> int:
    """How far apart the members of the teams stand in the table."""
    return (contacts - _companies(contacts)) // (6 * TEAMS + 6)


def _contacts(raw: Raw, contacts: int) -> None:
    words = _Words(raw.vendor)
    companies = _companies(contacts)
    step = _team_step(contacts)
    minute = chance("i", 9, 60 * 24 * 365 * 5)
    owner = f"1 + {chance('i', 10, OWNERS)}"
    number = f"(100000 + {chance('i', 8, 899999)})"
    city = chance("i", 7, 900)
    raw.run(
        _insert(
            Contact,
            {
                "id": "i",
                "is_organization": "(1 = 1)",
                "name": "name",
                "email": "'office@' || lower(name) || i || '.example'",
                "phone": f"'+49 30 ' || {number}",
                "owner_id": owner,
                "city": f"'City ' || {city}",
                "created_at": words.minute(minute),
                "updated_at": words.minute(minute),
                "search_key": "' ' || lower(name) || ' office ' || lower(name) || i || "
                f"' example 4930' || {number} || ' '",
                "sort_key": "lower(name)",
                "match_name": "lower(name)",
                "match_phone": f"'930' || {number}",
                "match_email": "'office@' || lower(name) || i || '.example'",
                "folded": words.json(
                    name="lower(name)",
                    email="'office@' || lower(name) || i || '.example'",
                    city=f"'city ' || {city}",
                    phone=f"'4930' || {number}",
                ),
            },
            f"(SELECT i, {_name('i', 1)} AS name FROM {words.series(1, companies)}) AS c",
        )
    )
    place = f"(i - {companies + 1})"
    team = f"({place} / {step} / 6)"
    on_team = f"{place} % {step} = 0 AND {team} BETWEEN 1 AND {TEAMS}"
    marked = f"{chance('i', 31, 50)} = 0"
    title = chance("i", 6, 40)
    employer = (
        f"CASE WHEN {on_team} THEN 1 + {team} * 97 % {companies} "
        f"WHEN {chance('i', 11, 10)} > 0 THEN 1 + i % {companies} END"
    )
    raw.run(
        _insert(
            Contact,
            {
                "id": "i",
                "name": "first || ' ' || last",
                "first_name": "first",
                "last_name": "last",
                "title": f"'Title ' || {title}",
                "company_id": "employer.id",
                "email": "lower(first) || '.' || lower(last) || i || '@mail.example'",
                "phone": f"'+49 30 ' || {number}",
                "owner_id": owner,
                "created_at": words.minute(minute),
                "updated_at": words.minute(minute),
                "search_key": "' ' || lower(first) || ' ' || lower(last) || ' ' || lower(first) || "
                f"' ' || lower(last) || i || ' mail example 4930' || {number} || ' ' || "
                "COALESCE(' ' || lower(employer.name) || ' ', '')",
                "sort_key": "lower(last) || ' ' || lower(first)",
                "match_name": "CASE WHEN first < last THEN lower(first) || ' ' || lower(last) "
                "ELSE lower(last) || ' ' || lower(first) END",
                "match_phone": f"'930' || {number}",
                "match_email": "lower(first) || '.' || lower(last) || i || '@mail.example'",
                "folded": words.json(
                    name="lower(first) || ' ' || lower(last)",
                    first_name="lower(first)",
                    last_name="lower(last)",
                    title=f"'title ' || {title}",
                    email="lower(first) || '.' || lower(last) || i || '@mail.example'",
                    phone=f"'4930' || {number}",
                ),
                "customer_mark": f"CASE WHEN {marked} THEN 'past' ELSE '' END",
                "customer_marked_at": f"CASE WHEN {marked} THEN {words.minute(minute)} END",
            },
            f"(SELECT i, {_name('i', 2)} AS last, {_name('i', 5)} AS first, {employer} AS at "
            f"FROM {words.series(companies + 1, contacts)}) AS p "
            "LEFT JOIN (SELECT id, name FROM contacts_contact) AS employer ON employer.id = p.at",
        )
    )


def _vocabulary(raw: Raw) -> None:
    """The words of all search keys that are made of letters alone."""
    names = "SELECT DISTINCT lower({}) FROM contacts_contact WHERE {}"
    found = {word for (word,) in raw.rows(names.format("name", "is_organization"))}
    for column in ("first_name", "last_name"):
        found |= {word for (word,) in raw.rows(names.format(column, "NOT is_organization"))}
    raw.run_many(
        "INSERT INTO contacts_searchword (word, reversed) VALUES (?, ?)",
        [(word, word[::-1]) for word in sorted(found | {"office", "mail", "example", "deal"})],
    )


def _deals(raw: Raw, contacts: int, stages: dict[str, int]) -> None:
    words = _Words(raw.vendor)
    companies = _companies(contacts)
    people, step = contacts - companies, _team_step(contacts)
    opened = chance("i", 21, 60 * 24 * 365 * 6)
    closed = f"({opened} + {chance('i', 22, 60 * 24 * 120)})"
    draw = chance("i", 23, 100)
    group = (
        f"CASE WHEN i <= {TEAMS} OR {draw} < 40 THEN 'active' WHEN {draw} < 70 THEN 'won' "
        "ELSE 'lost' END"
    )
    stage = (
        f"CASE WHEN i <= {TEAMS} OR {draw} < 15 THEN {stages['incoming']} "
        f"WHEN {draw} < 40 THEN {stages['in_progress']} WHEN {draw} < 70 THEN {stages['won']} "
        f"WHEN {draw} < 90 THEN {stages['lost']} ELSE {stages['unqualified']} END"
    )
    star = (
        f"CASE WHEN i <= {TEAMS} THEN {companies + 1} + i * 6 * {step} "
        f"WHEN {chance('i', 24, 10)} = 0 THEN 1 + {chance('i', 25, companies)} "
        f"ELSE {companies + 1} + {chance('i', 26, people // 5)} END"
    )
    raw.run(
        _insert(
            Deal,
            {
                "id": "i",
                "name": "'Deal ' || i",
                "search_key": "' deal ' || i || ' '",
                "sort_key": "'deal ' || i",
                "folded_name": "'deal ' || i",
                "primary_contact_id": "star.id",
                "company_id": "CASE WHEN star.is_organization THEN star.id "
                "ELSE star.company_id END",
                "stage_id": stage,
                "group": group,
                "opened_at": words.minute(opened),
                "closed_at": f"CASE WHEN {group} <> 'active' THEN {words.minute(closed)} END",
                "stage_changed_at": words.minute(closed),
                "created_at": words.minute(opened),
                "updated_at": words.minute(closed),
                "value": f"100 * {chance('i', 27, 5000)}",
            },
            f"(SELECT i, {star} AS star_id FROM {words.series(1, contacts // 2)}) AS d "
            "JOIN contacts_contact star ON star.id = d.star_id",
        )
    )


def _links(raw: Raw, contacts: int) -> None:
    """Half of them co-workers, half anybody; and the five co-workers of each team."""
    words = _Words(raw.vendor)
    companies = _companies(contacts)
    people, deals, step = contacts - companies, contacts // 2, _team_step(contacts)
    picked = f"{TEAMS + 1} + {chance('i', 41, deals - TEAMS)}"
    someone = f"{companies + 1} + {chance('i', 42, people)}"
    coworker = f"d.company_id - 1 + {companies} * (2 + {chance('i', 43, 3)})"
    who = f"CASE WHEN d.company_id IS NULL OR i % 2 = 0 THEN {someone} ELSE {coworker} END"
    raw.run(
        _insert(
            DealContact,
            {"deal_id": "deal", "contact_id": "contact"},
            f"""(SELECT DISTINCT d.id AS deal, {who} AS contact
            FROM (SELECT i, {picked} AS deal_id FROM {words.series(1, contacts // 4)}) AS l
            JOIN deals_deal d ON d.id = l.deal_id
            WHERE {who} <> d.primary_contact_id) AS x""",
        )
    )
    raw.run(
        _insert(
            DealContact,
            {
                "deal_id": "1 + (i - 1) / 5",
                "contact_id": f"{companies + 1} + ((1 + (i - 1) / 5) * 6 + 1 + (i - 1) % 5) "
                f"* {step}",
            },
            words.series(1, 5 * TEAMS),
        )
    )
