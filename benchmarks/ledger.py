"""The ledger of a mailing to all contacts: who gets it, and who is left out for which reason.

The world has what a ledger looks for: every tenth address shared or missing, every twentieth suppressed, some without a
legal basis, some written unusually, and people who were erased, of whom there are hashes only. The limit is the same
rows by one INSERT … SELECT in the order of the list, which looks up what was decided about each contact before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

from benchmarks import data
from benchmarks.measure import Result, turn_about
from benchmarks.sizes import Sizes, shown
from benchmarks.stores import Raw, Store
from contacts.models import Contact
from crm.accounts.models import User
from crm.suppression.services import suppress as erase
from emails import ledger, standing
from emails.models import Mailing, MailSettings, Recipient

AT_MOST = 3
OFFICE = "office@example.org"
SELECTION = [["list", ""], ["state", ""], ["count", "0"], ["scope", "all"]]


def run(store: Store, sizes: Sizes) -> Iterator[Result]:
    data.fill(store, "ledger", sizes.small)
    _hinder(sizes.small)
    user = User.objects.get(pk=1)
    mailing = Mailing.objects.create(author=user, selection=SELECTION)
    ledger.write(mailing, user)
    told = {one.reason.value for one in ledger.counts(mailing)}
    found = {"no_address", "invalid", "erased", "bounced", "no_basis", "same_address"}
    assert told == found, told
    raw = store.raw("ledger")
    size = f"{shown(mailing.total)} contacts, {shown(mailing.left_out)} left out"
    times = turn_about(
        lambda: ledger.write(Mailing.objects.create(author=user, selection=SELECTION), user),
        _by_hand(raw, mailing),
        pairs=sizes.long_pairs,
        warm=1,
        before=_dropped(mailing),
    )
    yield Result("ledger of a list", store.vendor, size, *times, AT_MOST)
    raw.close()
    store.drop("ledger")


def _hinder(contacts: int) -> None:
    """Addresses that are missing, shared, suppressed, written unusually or nobody's any more."""
    own = "lower(replace(email, '@', '.' || id || '@'))"
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE contacts_contact SET email = {own}, match_email = {own}")
        for remainder, email in ((1, "''"), (2, f"'{OFFICE}'"), (3, "'no address'")):
            cursor.execute(
                f"UPDATE contacts_contact SET email = {email}, match_email = {email} "
                f"WHERE id % 20 = {remainder}"
            )
        cursor.execute("""UPDATE contacts_contact SET email = 'Ada' || id || '@Bücher.example',
            match_email = 'ada' || id || '@bücher.example' WHERE id % 100 = 4""")
    addresses = (
        Contact.objects.exclude(email__in=["", OFFICE])
        .order_by("pk")
        .values_list("email", flat=True)
    )
    every = list(addresses.filter(pk__lte=contacts))
    MailSettings(basis_required=True).save()
    standing.set_basis([OFFICE], "consent")
    for start in range(0, len(every), 5_000):
        some = every[start : start + 5_000]
        standing.set_basis([one for n, one in enumerate(some) if n % 50], "consent")
        standing.suppress(some[::20], "bounced")
    erase(every[7::100], "erased")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _dropped(kept: Mailing) -> Callable[[], Any]:
    def drop() -> None:
        rows = Recipient.objects.exclude(mailing=kept.pk)
        rows._raw_delete(rows.db)  # type: ignore[attr-defined]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM emails_recipient")

    return drop


def _by_hand(raw: Raw, mailing: Mailing) -> Callable[[], None]:
    """All contacts in the order of the list, with what was found out about each looked up."""
    kept = [f.column for f in Recipient._meta.concrete_fields if f.column]
    found = [one for one in kept if one not in ("mailing_id", "position", "contact_id", "name")]
    raw.run(
        "CREATE TEMP TABLE decided (contact_id bigint PRIMARY KEY, address text, state text, reason text)"
    )
    raw.run(
        f"""INSERT INTO decided SELECT contact_id, address, state, reason FROM emails_recipient
        WHERE mailing_id = {mailing.pk}"""
    )
    raw.run("ANALYZE decided")
    values = {"answer": "''", "attempts": "0", "claimed_by": "''"}
    values |= {one: f"d.{one}" for one in ("address", "state", "reason")}
    selected = ", ".join(values.get(one, "NULL") for one in found)

    def write() -> None:
        other = Mailing.objects.create(author_id=1)
        with raw.transaction():
            copied = raw.run(
                f"""INSERT INTO emails_recipient (mailing_id, position, contact_id, name, {", ".join(found)})
                SELECT {other.pk}, ROW_NUMBER() OVER (ORDER BY c.sort_key, c.id), c.id, c.name, {selected}
                FROM contacts_contact c JOIN decided d ON d.contact_id = c.id"""
            )
        assert copied == mailing.total

    return write
