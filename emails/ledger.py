"""Who gets a mailing and who does not, written down before anything is sent.

One INSERT around the statement of the audience, alike for SQLite and PostgreSQL. Only addresses that are written
unusually pass through Python first, and, once anybody was erased, all of them: of the erased only hashes are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.db.models import Count, Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from contacts.models import Contact
from crm.bulk.among import among
from crm.bulk.sql import each
from crm.suppression.models import Suppression
from crm.suppression.services import asker, suppressed
from emails.addresses import normal
from emails.audience import audience_of
from emails.models import Address, Mailing, MailSettings, Recipient
from emails.reasons import LeftOut

State = Recipient.State
# Almost all addresses; of these, ``normal`` is the key that contacts have stored. Both databases read it alike.
PLAIN = r"\A[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}\Z"
# Shorter than any part of an address may be.
PLAIN_AT_MOST = 60


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
    with transaction.atomic():
        stored = Recipient.objects.filter(mailing=mailing.pk)
        stored._raw_delete(stored.db)  # type: ignore[attr-defined]
        told = _told(audience.contacts)
        with connection.cursor() as cursor:
            cursor.execute(
                _INSERT.format(
                    audience=audience.statement.sql,
                    told=each({"contact_id": "bigint", "address": "text", "erased": "integer"}),
                    **_WORDS[connection.vendor],
                ),
                [
                    json.dumps(told), mailing.pk, audience.unseen.value,
                    int(MailSettings.current().basis_required), *audience.statement.params,
                ],
            )  # fmt: skip
        _count(mailing)


_WORDS = {
    # The one is compared by the index of addresses, the other sorted quickly.
    "postgresql": {"alike": 'COLLATE "default"', "bytewise": 'COLLATE "C"'},
    "sqlite": {"alike": "", "bytewise": ""},
}
_INSERT = """
    INSERT INTO emails_recipient (mailing_id, position, contact_id, deal_id, name, address, state,
        reason, answer, attempts, claimed_by)
    WITH told AS MATERIALIZED ({told})
    SELECT r.mailing_id, r.position, r.contact_id, r.deal_id, r.name, r.address,
        CASE WHEN r.reason = '' AND r.turn = 1 THEN 'waiting' ELSE 'left_out' END,
        CASE WHEN r.reason = '' AND r.turn > 1 THEN 'same_address' ELSE r.reason END, '', 0, ''
    FROM (
        SELECT w.*, ROW_NUMBER() OVER (
            PARTITION BY w.address {bytewise}, w.reason {bytewise} ORDER BY w.position
        ) AS turn
        FROM (
            SELECT %s AS mailing_id, k.position, k.contact_id, k.deal_id,
                COALESCE(k.name, '') AS name, k.address,
                CASE WHEN k.seen IS NULL THEN %s
                    WHEN k.email_key = '' THEN 'no_address'
                    WHEN k.address = '' THEN 'invalid'
                    WHEN k.erased = 1 THEN 'erased'
                    WHEN s.suppressed <> '' THEN s.suppressed
                    WHEN %s = 1 AND COALESCE(s.basis, '') = '' THEN 'no_basis'
                    ELSE '' END AS reason
            FROM (
                SELECT a.*, t.erased,
                    CASE WHEN t.contact_id IS NULL THEN COALESCE(a.email_key, '')
                        ELSE t.address END {alike} AS address
                FROM ({audience}) AS a LEFT JOIN told AS t ON t.contact_id = a.contact_id
            ) AS k LEFT JOIN emails_address AS s ON s.address = k.address
        ) AS w
    ) AS r"""


def _told(contacts: models.QuerySet) -> list[tuple[int, str, int]]:
    """What the database cannot find out: the id, the normal address, and whether whoever had it was erased."""
    rows = contacts.exclude(match_email="")
    plain = Q(email__regex=PLAIN) & Q(LessThanOrEqual(Length("email"), PLAIN_AT_MOST))
    erased: Callable[[str], bool] | None = None
    if Suppression.objects.exists():
        erased = asker()
        odd = rows.exclude(plain).values_list("pk", flat=True)
        return _of_all(rows, set(odd), erased)
    odd = rows.exclude(plain).values_list("pk", "email")
    return [(pk, normal(email), 0) for pk, email in odd]


def _of_all(
    rows: models.QuerySet, odd: set[int], erased: Callable[[str], bool]
) -> list[tuple[int, str, int]]:
    found = []
    for pk, email, key in rows.values_list("pk", "email", "match_email").iterator(5_000):
        address = normal(email) if pk in odd else key
        # However it was written when the person was erased.
        gone = erased(email) if pk in odd else erased(key)
        gone = gone or (pk in odd and erased(address))
        if gone or pk in odd:
            found.append((pk, address, int(gone)))
    return found


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
        if row.address in erased:
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


def rows(mailing: Mailing, *, reason: str = "") -> models.QuerySet[Recipient]:
    """The rows that are left out for a reason; without one, those that are not left out."""
    found = Recipient.objects.filter(mailing=mailing.pk).order_by("position")
    if reason:
        return found.filter(state=State.LEFT_OUT, reason=reason)
    return found.exclude(state=State.LEFT_OUT)
