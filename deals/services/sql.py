"""The statements of the status service, alike for SQLite and PostgreSQL.

Ids travel as one parameter, so that a statement is the same for one deal and for a thousand, and
they are pushed into every arm of a union: a filter around it is not pushed down, which costs a
scan of all deals.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from contacts.statuses import Standing
from deals.services.states import ContactState, Counts, DealState

# From so many rows on, reading whole tables costs less than what could go wrong.
MANY = 2_000


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def in_ids(column: str) -> str:
    if is_postgresql():
        return f"{column} = ANY(%s)"
    return f"{column} IN (SELECT value FROM json_each(%s))"


def ids_parameter(ids: Iterable[int]) -> Any:
    return list(ids) if is_postgresql() else json.dumps(list(ids))


@contextmanager
def whole_tables(number: int) -> Iterator[None]:
    """Within, what joins many rows does not look each of them up, whatever PostgreSQL believes of the tables.

    A long transaction that was rolled back, such as a dry run, leaves statistics of empty tables behind; what joins
    ten thousand rows right after it would go through all of them once for each, for hours.
    """
    if number < MANY or not is_postgresql():
        yield
        return
    with transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('enable_nestloop')")
            (before,) = cursor.fetchone()
            cursor.execute("SET LOCAL enable_nestloop = off")
        yield
        # After an error the transaction is over, and the setting with it.
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('enable_nestloop', %s, true)", [before])


def _lock(clause: str) -> str:
    # FOR NO KEY UPDATE does not fight with the key-share locks of foreign-key checks. SQLite has
    # one writer at a time, who has locked everything.
    return clause if is_postgresql() else ""


def _rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _run(statement: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def moment(value: Any) -> datetime | None:
    """A moment as a raw cursor gives it: SQLite has columns without zone and sums as text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is not None and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return value


def _stored(value: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def _in_json(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.isoformat() if is_postgresql() else str(_stored(value))


# -- locking and reading


def lock_deals(ids: Collection[int]) -> list[DealState]:
    """Lock these deals, and their stages against another category; those that still exist."""
    # Not as one join: a deal that another transaction moves while this one waits for it would
    # not match its old stage any more, and drop out of the rows as if it were deleted.
    rows = _rows(
        f"""
        SELECT id, name, primary_contact_id, company_id, "group", opened_at, closed_at, stage_id
        FROM deals_deal WHERE {in_ids("id")} ORDER BY id {_lock("FOR NO KEY UPDATE")}""",
        [ids_parameter(ids)],
    )
    if not rows:
        return []
    stages = {
        pk: (category, name)
        for pk, category, name in _rows(
            f"""
            SELECT id, category, name FROM deals_stage
            WHERE {in_ids("id")} ORDER BY id {_lock("FOR SHARE")}""",
            [ids_parameter({row[-1] for row in rows})],
        )
    }
    return [
        DealState(pk, name, star, company, group, _known(opened), moment(closed), *stages[stage_id])
        for pk, name, star, company, group, opened, closed, stage_id in rows
    ]


def _known(value: Any) -> datetime:
    result = moment(value)
    assert result is not None
    return result


_CONTACT = """
    SELECT c.id, c.is_organization, c.company_id, c.prospect_status, c.customer_status,
           c.prospect_since, c.customer_since, c.active_deals, c.won_deals, c.lost_deals, c.last_won_at, c.last_lost_at,
           c.prospect_mark, c.prospect_marked_at, c.customer_mark, c.customer_marked_at,
           c.prospect_marked_by_id, c.prospect_mark_had_deal,
           c.customer_marked_by_id, c.customer_mark_had_deal
    FROM contacts_contact c"""


def lock_contacts(deal_ids: Collection[int]) -> list[ContactState]:
    """Lock, in the order of their ids, everybody these deals count for, did, or may by now.

    Associated contacts who are no co-workers are locked as well: who reads their company must not
    read one that is about to change.
    """
    rows = _rows(
        f"""{_CONTACT}
        WHERE c.id IN (
            SELECT primary_contact_id FROM deals_deal WHERE {in_ids("id")}
            UNION SELECT company_id FROM deals_deal WHERE {in_ids("id")}
            UNION SELECT star.company_id FROM deals_deal d
                  JOIN contacts_contact star ON star.id = d.primary_contact_id WHERE {in_ids("d.id")}
            UNION SELECT contact_id FROM deals_dealcontact WHERE {in_ids("deal_id")}
            UNION SELECT contact_id FROM deals_dealparty WHERE {in_ids("deal_id")}
        )
        ORDER BY c.id {_lock("FOR NO KEY UPDATE OF c")}""",
        [ids_parameter(deal_ids)] * 5,
    )
    return [_contact(row) for row in rows]


def lock_contacts_by_id(ids: Collection[int]) -> list[ContactState]:
    rows = _rows(
        f"{_CONTACT} WHERE {in_ids('c.id')} ORDER BY c.id {_lock('FOR NO KEY UPDATE OF c')}",
        [ids_parameter(ids)],
    )
    return [_contact(row) for row in rows]


def _contact(row: tuple[Any, ...]) -> ContactState:
    (
        pk, is_organization, company_id, prospect, customer, prospect_since, customer_since,
        active, won, lost, last_won, last_lost,
        prospect_mark, prospect_marked, customer_mark, customer_marked,
        prospect_by, prospect_had, customer_by, customer_had,
    ) = row  # fmt: skip
    return ContactState(
        id=pk,
        is_organization=bool(is_organization),
        company_id=company_id,
        prospect=prospect,
        customer=customer,
        prospect_since=moment(prospect_since),
        customer_since=moment(customer_since),
        before=Standing(
            active,
            won,
            lost,
            moment(last_won),
            moment(last_lost),
            prospect_mark,
            moment(prospect_marked),
            customer_mark,
            moment(customer_marked),
            prospect_by,
            bool(prospect_had),
            customer_by,
            bool(customer_had),
        ),
    )


def links_and_parties(
    deal_ids: Collection[int],
) -> tuple[dict[int, set[int]], dict[int, dict[int, bool]], set[int]]:
    """By deal: its associated contacts, its stored parties with ``kept``; deals joined late."""
    rows = _rows(
        f"""
        SELECT deal_id, contact_id, 0, 0, 0 FROM deals_dealcontact WHERE {in_ids("deal_id")}
        UNION ALL
        SELECT deal_id, contact_id, 1, CASE WHEN kept THEN 1 ELSE 0 END,
               CASE WHEN joined_at IS NULL THEN 0 ELSE 1 END
        FROM deals_dealparty WHERE {in_ids("deal_id")}""",
        [ids_parameter(deal_ids)] * 2,
    )
    links: dict[int, set[int]] = {}
    parties: dict[int, dict[int, bool]] = {}
    late = set()
    for deal_id, contact_id, is_party, kept, joined_late in rows:
        if not is_party:
            links.setdefault(deal_id, set()).add(contact_id)
        else:
            parties.setdefault(deal_id, {})[contact_id] = bool(kept)
            if joined_late:
                late.add(deal_id)
    return links, parties, late


def count_deals(contact_ids: Collection[int]) -> dict[int, Counts]:
    """What the deals of each contact add up to; contacts without deals are left out.

    A win counts towards *since* only if it is later than a mark ``past``, which it outranks.
    """
    latest = "GREATEST" if is_postgresql() else "MAX"
    since = f"{latest}(d.closed_at, COALESCE(p.joined_at, d.closed_at))"
    rows = _rows(
        f"""
        SELECT p.contact_id,
            COUNT(*) FILTER (WHERE d."group" = 'active'),
            COUNT(*) FILTER (WHERE d."group" = 'won'),
            COUNT(*) FILTER (WHERE d."group" = 'lost'),
            MAX(d.closed_at) FILTER (WHERE d."group" = 'won'),
            MAX(d.closed_at) FILTER (WHERE d."group" = 'lost'),
            MIN({latest}(d.opened_at, COALESCE(p.joined_at, d.opened_at)))
                FILTER (WHERE d."group" = 'active'),
            MAX({since}) FILTER (WHERE d."group" = 'lost'),
            MIN({since}) FILTER (WHERE d."group" = 'won'
                AND (c.customer_mark <> 'past' OR d.closed_at > c.customer_marked_at))
        FROM deals_dealparty p
        JOIN deals_deal d ON d.id = p.deal_id
        JOIN contacts_contact c ON c.id = p.contact_id
        WHERE {in_ids("p.contact_id")}
        GROUP BY p.contact_id""",
        [ids_parameter(contact_ids)],
    )
    return {pk: Counts(*numbers, *map(moment, moments)) for pk, *both in rows
            for numbers, moments in [(both[:3], both[3:])]}  # fmt: skip


def deals_counting_for(contact_ids: Collection[int]) -> list[int]:
    rows = _rows(
        f"SELECT DISTINCT deal_id FROM deals_dealparty WHERE {in_ids('contact_id')}",
        [ids_parameter(contact_ids)],
    )
    return [deal_id for (deal_id,) in rows]


def deals_concerning(contact_ids: Iterable[int]) -> list[int]:
    """Deals that have these contacts as star, company, associated contact or party."""
    ids = ids_parameter(contact_ids)
    rows = _rows(
        f"""
        SELECT id FROM deals_deal WHERE {in_ids("primary_contact_id")}
        UNION SELECT id FROM deals_deal WHERE {in_ids("company_id")}
        UNION SELECT deal_id FROM deals_dealcontact WHERE {in_ids("contact_id")}
        UNION SELECT deal_id FROM deals_dealparty WHERE {in_ids("contact_id")}""",
        [ids] * 4,
    )
    return [deal_id for (deal_id,) in rows]


# -- writing


def write_deals(deals: Iterable[DealState]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            """UPDATE deals_deal SET "group" = %s, opened_at = %s, closed_at = %s, company_id = %s
            WHERE id = %s""",
            [
                (
                    deal.group,
                    _stored(deal.opened_at),
                    _stored(deal.closed_at),
                    deal.company_id,
                    deal.id,
                )
                for deal in deals
            ],
        )


def write_parties(
    added: Sequence[tuple[int, int, bool, datetime | None]],
    removed: Sequence[tuple[int, int]],
    kept: Sequence[tuple[int, int, bool]],
) -> None:
    """Add (deal, contact, kept, joined at), remove (deal, contact), set ``kept`` of others."""
    with connection.cursor() as cursor:
        if added:
            cursor.executemany(
                """INSERT INTO deals_dealparty (deal_id, contact_id, kept, joined_at)
                VALUES (%s, %s, %s, %s)""",
                [(deal, contact, flag, _stored(at)) for deal, contact, flag, at in added],
            )
        if removed:
            cursor.executemany(
                "DELETE FROM deals_dealparty WHERE deal_id = %s AND contact_id = %s", removed
            )
        if kept:
            cursor.executemany(
                "UPDATE deals_dealparty SET kept = %s WHERE deal_id = %s AND contact_id = %s",
                [(flag, deal, contact) for deal, contact, flag in kept],
            )


def delete_links(pairs: Sequence[tuple[int, int]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "DELETE FROM deals_dealcontact WHERE deal_id = %s AND contact_id = %s", pairs
        )


def clear_joined_at(deal_ids: Collection[int]) -> None:
    _run(
        f"UPDATE deals_dealparty SET joined_at = NULL WHERE {in_ids('deal_id')}",
        [ids_parameter(deal_ids)],
    )


# The columns the service writes, with their PostgreSQL types.
_WRITTEN = {
    "active_deals": "integer",
    "won_deals": "integer",
    "lost_deals": "integer",
    "last_won_at": "timestamptz",
    "last_lost_at": "timestamptz",
    "prospect_since": "timestamptz",
    "customer_since": "timestamptz",
    "prospect_mark": "text",
    "prospect_marked_at": "timestamptz",
    "prospect_marked_by_id": "bigint",
    "prospect_mark_had_deal": "boolean",
    "customer_mark": "text",
    "customer_marked_at": "timestamptz",
    "customer_marked_by_id": "bigint",
    "customer_mark_had_deal": "boolean",
}


def _written(state: ContactState) -> list[Any]:
    after = state.after
    return [
        state.id,
        after.active,
        after.won,
        after.lost,
        _in_json(after.last_won_at),
        _in_json(after.last_lost_at),
        _in_json(state.prospect_since),
        _in_json(state.customer_since),
        after.prospect_mark,
        _in_json(after.prospect_marked_at),
        after.prospect_marked_by,
        after.prospect_mark_had_deal,
        after.customer_mark,
        _in_json(after.customer_marked_at),
        after.customer_marked_by,
        after.customer_mark_had_deal,
    ]


def write_standings(contacts: Iterable[ContactState]) -> None:
    """Write facts, marks and dates of these contacts, and read the statuses back.

    Raises ``RuntimeError`` when the database derives another status than the law's plain
    functions did: then the two wordings of the law differ, and nothing may be committed.
    """
    states = {contact.id: contact for contact in contacts}
    item = "value ->> {}" if is_postgresql() else "json_extract(value, '$[{}]')"
    columns = [
        f"({item.format(0)})::bigint AS id" if is_postgresql() else f"{item.format(0)} AS id"
    ]
    for position, (name, kind) in enumerate(_WRITTEN.items(), start=1):
        cast = f"({item.format(position)})::{kind}" if is_postgresql() else item.format(position)
        columns.append(f"{cast} AS {name}")
    each = "jsonb_array_elements(%s::jsonb)" if is_postgresql() else "json_each(%s)"
    assignments = ", ".join(f"{name} = v.{name}" for name in _WRITTEN)
    rows = _rows(
        f"""UPDATE contacts_contact SET {assignments}
        FROM (SELECT {", ".join(columns)} FROM {each}) AS v
        WHERE contacts_contact.id = v.id
        RETURNING contacts_contact.id, prospect_status, customer_status""",
        [json.dumps([_written(state) for state in states.values()])],
    )
    for pk, prospect, customer in rows:
        after = states[pk].after
        if (prospect, customer) != (after.prospect, after.customer):
            raise RuntimeError(
                f"Contact {pk}: the database derives {prospect}/{customer}, the law in Python "
                f"{after.prospect}/{after.customer}."
            )
