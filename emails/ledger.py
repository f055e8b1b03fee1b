"""Who gets a mailing and who does not, written down before anything is sent.

One INSERT around the statement of the audience, alike for SQLite and PostgreSQL. Before it Python reads the addresses
once, for what a database cannot know: how an unusual one is written normally, and who was erased, of whom only hashes
are kept. It tells the INSERT of these, and of addresses that several contacts share; they are few.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from contacts.models import Contact
from crm.bulk.among import among
from crm.bulk.sql import each
from crm.suppression.models import Suppression
from crm.suppression.services import asker, suppressed
from emails.addresses import normal
from emails.audience import Audience, audience_of
from emails.models import Address, Mailing, MailSettings, Recipient
from emails.reasons import LeftOut

State = Recipient.State
# What almost all addresses look like: of these the key that contacts have stored is the normal address. Shorter than
# any part of an address may be.
_plain = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}"
).fullmatch
PLAIN_AT_MOST = 60
TRIES = 3


class Counted(NamedTuple):
    reason: LeftOut
    number: int

    @property
    def label(self) -> str:
        return str(self.reason.label)


def write(mailing: Mailing, user: Any) -> None:
    """Write the ledger of a mailing anew, as ``user`` sees its audience now, and its counts on the mailing.

    Everybody of the audience stands in it, to be mailed or left out for the first reason in the order of ``LeftOut``.
    Raises ``ValidationError`` where the audience does, and ``RuntimeError`` once a mail may have been sent.
    """
    if mailing.sending or mailing.sent or mailing.uncertain or mailing.failed:
        raise RuntimeError("The ledger of a mailing that was sent is kept for good.")
    audience = audience_of(mailing, user)
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                _write(mailing, audience)
            return
        except IntegrityError:
            # Between reading the addresses and writing them down somebody got the address of another.
            if not left:
                raise


def _write(mailing: Mailing, audience: Audience) -> None:
    stored = Recipient.objects.filter(mailing=mailing.pk)
    stored._raw_delete(stored.db)  # type: ignore[attr-defined]
    told = _told(audience.contacts)
    words = each({"contact_id": "bigint", "address": "text", "what": "text"})
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT.format(audience=audience.statement.sql, told=words),
            [
                json.dumps(told), mailing.pk, audience.unseen.value,
                int(MailSettings.current().basis_required), *audience.statement.params,
            ],
        )  # fmt: skip
        if any(what == LeftOut.SAME_ADDRESS for _pk, _address, what in told):
            cursor.execute(_FIRST, [mailing.pk, mailing.pk])
    _count(mailing)


# SQLite makes an index of what is told only if it knows that these are numbers.
_INSERT = """
    INSERT INTO emails_recipient (mailing_id, position, contact_id, deal_id, name, address, state,
        reason, answer, attempts, claimed_by)
    WITH told AS MATERIALIZED (
        SELECT CAST(v.contact_id AS bigint) AS contact_id, v.address, v.what FROM ({told}) AS v
    )
    SELECT w.mailing_id, w.position, w.contact_id, w.deal_id, w.name, w.address,
        CASE WHEN w.reason = '' THEN 'waiting' ELSE 'left_out' END, w.reason, '', 0, ''
    FROM (
        SELECT %s AS mailing_id, k.position, k.contact_id, k.deal_id,
            COALESCE(k.name, '') AS name, k.address,
            CASE WHEN k.seen IS NULL THEN %s
                WHEN k.email_key = '' THEN 'no_address'
                WHEN k.address = '' THEN 'invalid'
                WHEN k.what = 'erased' THEN 'erased'
                WHEN s.suppressed <> '' THEN s.suppressed
                WHEN %s = 1 AND COALESCE(s.basis, '') = '' THEN 'no_basis'
                ELSE COALESCE(k.what, '') END AS reason
        FROM (
            SELECT a.*, t.what,
                CASE WHEN t.contact_id IS NULL THEN COALESCE(a.email_key, '')
                    ELSE t.address END AS address
            FROM ({audience}) AS a LEFT JOIN told AS t ON t.contact_id = a.contact_id
        ) AS k LEFT JOIN emails_address AS s ON s.address = k.address
    ) AS w"""
# Of those who share an address, whoever stands first.
_FIRST = """
    UPDATE emails_recipient SET state = 'waiting', reason = ''
    WHERE mailing_id = %s AND position IN (
        SELECT MIN(position) FROM emails_recipient
        WHERE mailing_id = %s AND reason = 'same_address' GROUP BY address
    )"""


def _told(contacts: QuerySet) -> list[tuple[int, str, str]]:
    """Of contacts about which the database cannot know all: the id, the normal address, and whether whoever had it was
    erased or it is shared.
    """
    is_erased = asker() if Suppression.objects.exists() else None
    told: dict[int, tuple[int, str, str]] = {}
    first: dict[str, int] = {}
    rows = contacts.exclude(match_email="").values_list("pk", "email", "match_email")
    for pk, email, key in rows.iterator(chunk_size=5_000):
        address = key
        if len(email) > PLAIN_AT_MOST or not _plain(email):
            address = normal(email)
            told[pk] = (pk, address, "")
        # However it was written when the person was erased.
        if is_erased and (is_erased(email) or (address != key and is_erased(address))):
            told[pk] = (pk, address, LeftOut.ERASED.value)
        elif address and (other := first.setdefault(address, pk)) != pk:
            told[pk] = (pk, address, LeftOut.SAME_ADDRESS.value)
            told[other] = (other, address, LeftOut.SAME_ADDRESS.value)
    return [*told.values()]


def _count(mailing: Mailing) -> None:
    rows = Recipient.objects.filter(mailing=mailing.pk).order_by()
    by_state = dict(rows.values_list("state").annotate(number=Count("position")))
    mailing.left_out = by_state.get(State.LEFT_OUT, 0)
    mailing.waiting = by_state.get(State.WAITING, 0)
    mailing.total = mailing.left_out + mailing.waiting
    mailing.ledger_at = timezone.now()
    mailing.save(update_fields=["left_out", "waiting", "total", "ledger_at"])


def recheck(mailing: Mailing, recipients: Iterable[Recipient], user: Any) -> dict[int, LeftOut]:
    """Who of these rows may not be mailed any more now, and why, by position. Six statements at most."""
    rows = list(recipients)
    ids = [one.contact_id for one in rows]
    seen = dict(
        Contact.objects.visible_to(user).filter(among(ids)).order_by().values_list("pk", "email")
    )
    hidden = [pk for pk in ids if pk not in seen]
    there = (
        set(Contact.objects.filter(among(hidden)).order_by().values_list("pk", flat=True))
        if hidden
        else set()
    )
    addresses = {one.address for one in rows}
    stands = {
        address: (why, basis)
        for address, why, basis in Address.objects.filter(address__in=addresses).values_list(
            "address", "suppressed", "basis"
        )
    }
    erased = suppressed(addresses)
    required = MailSettings.current().basis_required

    def why_not(row: Recipient) -> LeftOut | None:
        if row.contact_id not in seen:
            return LeftOut.NOT_YOURS if row.contact_id in there else LeftOut.GONE
        if not row.address or row.address in erased:
            return LeftOut.ERASED
        if normal(seen[row.contact_id]) != row.address:
            return LeftOut.MOVED
        why, basis = stands.get(row.address, ("", ""))
        if why:
            return LeftOut(why)
        return LeftOut.NO_BASIS if required and not basis else None

    return {row.position: why for row in rows if (why := why_not(row)) is not None}


def counts(mailing: Mailing) -> list[Counted]:
    """How many are left out for each reason, in the order in which reasons are told; only reasons that there are."""
    rows = Recipient.objects.filter(mailing=mailing.pk, state=State.LEFT_OUT).order_by()
    found = dict(rows.values_list("reason").annotate(number=Count("position")))
    return [Counted(reason, found[reason]) for reason in LeftOut if reason in found]


def rows(mailing: Mailing, *, reason: str = "") -> QuerySet[Recipient]:
    """The rows that are left out for a reason; without one, those that are not left out."""
    found = Recipient.objects.filter(mailing=mailing.pk).order_by("position")
    if reason:
        return found.filter(state=State.LEFT_OUT, reason=reason)
    return found.exclude(state=State.LEFT_OUT)
