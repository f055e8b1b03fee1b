"""Everything at once: check every contact against a recount, and repair what differs.

Set-based, in the same statements for ten contacts and for a million. Nobody saw the writes that
this path makes right, so that it makes no kept wins. The statuses themselves cannot drift: the
database computes them; what can is what they are computed from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import GeneratedField
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Contact, StatusChange
from crm.actor import current_actor, current_trace
from deals.services import recount_sql
from deals.services.sql import is_postgresql, moment

CHANGED = "standing_recount"


@dataclass(frozen=True)
class Difference:
    """Something stored that a recount gives otherwise; ``fixable`` by recounting alone."""

    table: str
    record_id: int
    text: str
    fixable: bool = True

    def __str__(self) -> str:
        return f"{self.table} {self.record_id}: {self.text}"


@dataclass
class Report:
    """What a check looked at and found; ``fixed`` says how many rows a repair wrote."""

    contacts: int = 0
    deals: int = 0
    differences: list[Difference] = field(default_factory=list)
    fixed: int = 0

    @property
    def left(self) -> list[Difference]:
        """The differences that recounting cannot mend."""
        return [difference for difference in self.differences if not difference.fixable]


def check_statuses(*, fix: bool = False) -> Report:
    """Compare every contact and deal with a recount; with ``fix``, repair what differs.

    Without ``fix`` it writes nothing. With it, locks keep other writers out for as long as it
    takes, and history says "recounted".
    """
    with transaction.atomic():
        if fix:
            _keep_writers_out()
        report = Report()
        with connection.cursor() as cursor:
            _prepare(cursor)
            for table in ("contacts", "deals"):
                cursor.execute(f"SELECT COUNT(*) FROM {table}_{table[:-1]}")
                setattr(report, table, cursor.fetchone()[0])
            for check in (_deal_differences, _contact_differences, _wrong_ties):
                report.differences += check(cursor)
            if fix and report.differences:
                report.fixed = recount_all(cause=StatusChange.Cause.RECOUNTED)
    return report


def recount_all(*, cause: str, now: datetime | None = None) -> int:
    """Bring everything in step in one transaction; returns how many contacts' facts changed.

    ``cause`` is what the history says. When nothing differs, nothing is written.
    """
    now = now or timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        _prepare(cursor)
        _align_deals(cursor, now)
        if _lacking_parties(cursor):
            _repair_parties(cursor)
        with _changed_facts(cursor) as changed:
            if not _has_strays(cursor):
                return _write(cursor, changed, cause=cause, now=now)
        _repair_parties(cursor)
        return write_facts(cursor, cause=cause, now=now)


def write_facts(cursor: Any, *, cause: str, now: datetime, among: str = "") -> int:
    """Write facts, dates and history of the contacts whose facts differ; returns how many.

    ``among`` names a table with a column ``id`` of the contacts to look at; all by default.
    """
    with _changed_facts(cursor, among) as changed:
        return _write(cursor, changed, cause=cause, now=now)


def _write(cursor: Any, changed: int, *, cause: str, now: datetime) -> int:
    """Write what the temporary table holds, and its history; returns ``changed``."""
    if changed:
        actor = current_actor()
        moment_now = connection.ops.adapt_datetimefield_value(now)
        written = [moment_now] * 4
        trace = current_trace()
        told = [moment_now, moment_now, actor.pk if actor else None, cause]
        told += [trace.request_id, trace.address, trace.source]
        if is_postgresql():
            # Without it the planner takes the new table for a small one.
            cursor.execute(f"ANALYZE {CHANGED}")
            dated = recount_sql.with_dates(CHANGED)
            cursor.execute(recount_sql.update_with_history(dated), [*written, *told])
        else:
            cursor.execute(recount_sql.update_contacts(CHANGED), written)
            for kind in ("prospect", "customer"):
                cursor.execute(recount_sql.insert_history(CHANGED, kind), told)
    return changed


def _lacking_parties(cursor: Any) -> bool:
    cursor.execute(recount_sql.LACKING_PARTIES)
    return bool(cursor.fetchone()[0])


def _has_strays(cursor: Any) -> bool:
    cursor.execute(f"SELECT 1 FROM {CHANGED} WHERE stray > 0 LIMIT 1")
    return cursor.fetchone() is not None


def _repair_parties(cursor: Any) -> None:
    for statement in recount_sql.PARTY_REPAIRS:
        cursor.execute(statement)


@contextmanager
def _changed_facts(cursor: Any, among: str = "") -> Iterator[int]:
    """A temporary table of the contacts whose facts differ, with their new facts and statuses."""
    # On SQLite a second pass for the dates takes a fifth of a repair. On PostgreSQL counting them
    # along takes a fifth of the usual recount, which finds nothing and needs none.
    statement, parameters = recount_sql.changed_facts(
        generated_law("prospect_status"),
        generated_law("customer_status"),
        among,
        dated=not is_postgresql(),
    )
    cursor.execute(f"CREATE TEMPORARY TABLE {CHANGED} AS {statement}", parameters)
    try:
        cursor.execute(f"SELECT COUNT(*) FROM {CHANGED}")
        yield cursor.fetchone()[0]
    finally:
        if not connection.needs_rollback:
            cursor.execute(f"DROP TABLE {CHANGED}")


def generated_law(name: str) -> tuple[str, list[Any]]:
    """The law as the database has it: a generated column's own expression, over other columns."""
    column = Contact._meta.get_field(name)
    assert isinstance(column, GeneratedField)
    statement, parameters = column.generated_sql(connection)
    return statement, list(parameters)


def _align_deals(cursor: Any, now: datetime) -> None:
    moment_now = connection.ops.adapt_datetimefield_value(now)
    cursor.execute(recount_sql.ALIGN_GROUPS, [moment_now, moment_now])
    cursor.execute(recount_sql.ALIGN_COMPANIES)
    cursor.execute(recount_sql.DROP_LINKS_OF_STARS)


def _keep_writers_out() -> None:
    # SQLite's transactions are IMMEDIATE: there is one writer, and it is this one.
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(
                "LOCK TABLE deals_stage, deals_deal, deals_dealcontact, deals_dealparty, "
                "contacts_contact IN SHARE ROW EXCLUSIVE MODE"
            )


def _prepare(cursor: Any) -> None:
    """Give this transaction the time and the memory that whole tables take."""
    if is_postgresql():
        # A few joins of whole tables: compiling them costs more than it saves, and a hash table
        # that spills to the disk twice as much.
        cursor.execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"
        )


# -- what differs, in words


def _deal_differences(cursor: Any) -> Iterator[Difference]:
    cursor.execute(recount_sql.MISALIGNED_DEALS)
    for deal_id, name, group, category, company_id in cursor.fetchall():
        if group is not None:
            text = _("“%(name)s” is counted as %(group)s, and its stage is %(category)s") % {
                "name": name,
                "group": group,
                "category": category,
            }
            yield Difference("deal", deal_id, text)
        if company_id is not None:
            text = _("“%(name)s” is active and lacks its main contact's company") % {"name": name}
            yield Difference("deal", deal_id, text)
    cursor.execute(recount_sql.LINKS_OF_STARS)
    for deal_id, name in cursor.fetchall():
        text = _("the main contact of “%(name)s” is listed among its associated contacts")
        yield Difference("deal", deal_id, text % {"name": name})


def _party_differences(cursor: Any) -> Iterator[Difference]:
    words = {
        "missing": _("deal %(deal)d counts for this contact and is not counted"),
        "surplus": _("deal %(deal)d is counted and does not count for this contact"),
        "kept": _("deal %(deal)d is counted as a kept win and simply counts"),
    }
    for what, statement in recount_sql.PARTY_CHECKS.items():
        cursor.execute(statement)
        for contact_id, deal_id in cursor.fetchall():
            yield Difference("contact", contact_id, words[what] % {"deal": deal_id})


def _contact_differences(cursor: Any) -> Iterator[Difference]:
    differences, strays = _fact_differences(cursor)
    if strays or _lacking_parties(cursor):
        yield from _party_differences(cursor)
    yield from differences


def _fact_differences(cursor: Any) -> tuple[list[Difference], bool]:
    """What facts differ, given the parties as stored; and whether some of those are none."""
    statement, parameters = recount_sql.changed_facts(
        generated_law("prospect_status"), generated_law("customer_status")
    )
    cursor.execute(
        f"""SELECT id, name, prospect_old, customer_old, prospect_new, customer_new,
        active_deals, won_deals, lost_deals, last_won_at, last_lost_at, differs, stray
        FROM ({statement}) AS r""",
        parameters,
    )
    rows = cursor.fetchall()
    strays = any(stray for *_rest, stray in rows)
    return [_fact_difference(row) for *row, differs, _stray in rows if differs], strays


def _fact_difference(row: list[Any]) -> Difference:
    pk, name, prospect, customer, new_prospect, new_customer, active, won, lost, *last = row
    text = _(
        "%(name)s is %(prospect)s/%(customer)s, a recount gives %(new_prospect)s/"
        "%(new_customer)s: %(active)d active, %(won)d won (last %(last_won)s), %(lost)d lost "
        "(last %(last_lost)s)"
    ) % {
        "name": name,
        "prospect": prospect,
        "customer": customer,
        "new_prospect": new_prospect,
        "new_customer": new_customer,
        "active": active,
        "won": won,
        "lost": lost,
        "last_won": _day(last[0]),
        "last_lost": _day(last[1]),
    }
    return Difference("contact", pk, text)


def _day(value: Any) -> str:
    at = moment(value)
    return at.date().isoformat() if at else "-"


def _wrong_ties(cursor: Any) -> Iterator[Difference]:
    """What two rows show wrong, and no recount can mend: a person where a company belongs."""
    words = {
        "contact": _("works for, or belongs to, %(other)d, which is a person"),
        "deal": _("has as its company contact %(other)d, which is a person"),
    }
    cursor.execute(recount_sql.WRONG_TIES)
    for table, record_id, other_id in cursor.fetchall():
        yield Difference(table, record_id, words[table] % {"other": other_id}, fixable=False)
