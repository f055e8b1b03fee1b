"""Recipients who have nothing for a merge field that needs a value.

Where a column of the contact holds it, the database finds them; else one pass over the recipients does, whose memory
does not grow with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import batched
from operator import or_
from typing import Any

from django.db.models import Q

from contacts.models import Contact
from emails.audience import contacts_of
from emails.merge_fields import COUNTS, LINKS, OF_CONTACT, OF_STATUS
from emails.merging import WEB
from emails.models import Mailing, Recipient
from emails.values import values_for

# Recipients whose values are looked up at once.
CHUNK = 1_000
# What nobody lacks who is mailed.
NEVER = frozenset(("name", "email", *OF_STATUS, *COUNTS))
# A recipient: contact and name.
Row = tuple[int, str]


def count_lacking(mailing: Mailing, user: Any, wanted: Mapping[str, bool]) -> Counter[str]:
    """How many recipients lack each of the ``wanted`` fields, which say whether they must be web addresses."""
    found: Counter[str] = Counter()
    for _row, missing in lacking(mailing, user, wanted):
        found.update(missing)
    return found


def lacking(
    mailing: Mailing, user: Any, wanted: Mapping[str, bool]
) -> Iterator[tuple[Row, list[str]]]:
    """Recipients who lack some of the ``wanted`` fields, with those; a recipient may come twice, with other fields."""
    asked = {name: link for name, link in wanted.items() if link or name not in NEVER}
    columns = {name for name, link in asked.items() if name in OF_CONTACT and not link} - LINKS
    if columns:
        empty = reduce(or_, (Q(**{OF_CONTACT[name][0]: ""}) for name in columns))
        yield from _found(mailing, user, dict.fromkeys(columns, False), empty)
    others = {name: link for name, link in asked.items() if name not in columns}
    if others:
        yield from _found(mailing, user, others, None)


def _found(
    mailing: Mailing, user: Any, wanted: Mapping[str, bool], empty: Q | None
) -> Iterator[tuple[Row, list[str]]]:
    for rows in batched(_recipients(mailing, user, empty), CHUNK):
        values = values_for(mailing, [row[0] for row in rows], user, names=wanted)
        for row in rows:
            # Whom the author does not see any more is left out when it is sent.
            given = values.get(row[0])
            if given is None:
                continue
            missing = [
                name
                for name, link in wanted.items()
                if not given.get(name) or (link and not WEB.fullmatch(given[name]))
            ]
            if missing:
                yield row, missing


def _recipients(mailing: Mailing, user: Any, empty: Q | None) -> Iterator[Row]:
    """Those to be mailed, as the ledger has them; before there is one, everybody of the audience."""
    if not mailing.ledger_at:
        contacts = contacts_of(mailing, user)
        contacts = contacts if empty is None else contacts.filter(empty)
        yield from contacts.values_list("pk", "name").iterator(CHUNK)
        return
    rows = Recipient.objects.filter(mailing=mailing, state=Recipient.State.WAITING)
    if empty is not None:
        seen = Contact.objects.visible_to(user).filter(empty)
        rows = rows.filter(contact_id__in=seen.order_by().values("pk"))
    yield from rows.order_by("position").values_list("contact_id", "name").iterator(CHUNK)
