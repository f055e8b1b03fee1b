"""What a mail server's answer means for the address: RFC 3463, and what servers make of it."""

from __future__ import annotations

import re
from enum import Enum


class Verdict(Enum):
    # Nobody is there, and nobody will be.
    DEAD = "dead"
    # The mailbox is full, or the server could not be reached for days: it may be otherwise next time.
    FULL = "full"
    # This mail, or whoever sent it, was refused. The address may be well.
    REFUSED = "refused"


_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ \-:]|$)")
# RFC 3463: 1 is the address, 2 the mailbox, 4 the way to it. 5.1.7 and 5.1.8 are about the sender; 5.1.10 is
# RFC 7505 and Exchange’s “recipient not found”, 5.4.310 its “domain does not exist”.
_DEAD = frozenset(
    ((1, 0), (1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1), (4, 4), (4, 310)),
)  # fmt: skip
_SENDERS = frozenset(((1, 7), (1, 8)))
_FULL = frozenset(((2, 2), (4, 7)))
_NOBODY = re.compile(
    r"user unknown|unknown user|unknown recipient|unknown (?:local|mailbox|address)|no such (?:user|recipient|mailbox|"
    r"address|person)|(?:user|recipient|mailbox|address|account)[^.]{0,60}(?:does not|doesn[’']t|not) exist|"
    r"no mailbox (?:here )?by that name|(?:user|recipient|mailbox|account) (?:is )?(?:not found|unavailable|disabled|"
    r"unknown|inactive|has been (?:disabled|closed|deactivated))|not listed in|invalid (?:recipient|mailbox|address)|"
    r"recipient address rejected: (?:access denied|undeliverable)|doesn[’']t have (?:a|an) [\w.]+ account|"
    r"(?:host|domain) (?:not found|does not exist|unknown)|unrouteable address|no longer (?:available|with|valid)|"
    r"address (?:couldn[’']t|could not|wasn[’']t) be found",
    re.I,
)
_NO_ROOM = re.compile(
    r"(?:mailbox|inbox|quota|storage)[^.]{0,40}(?:full|exceeded|over)|over ?quota|out of storage|insufficient storage",
    re.I,
)
_UNWANTED = re.compile(
    r"spam|black ?list|block ?list|\bblocked\b|polic(?:y|ies)|reputation|relay|dmarc|\bspf\b|dkim|virus|unsolicited|"
    r"too (?:large|big)|rate limit",
    re.I,
)


def statuses(text: str) -> list[tuple[int, int, int]]:
    """The enhanced status codes in a text."""
    return [
        (int(found[1]), int(found[2]), int(found[3])) for found in _STATUS.finditer(text[:5000])
    ]


def judge(status: str, answer: str) -> Verdict:
    """What a failed delivery says of the address.

    ``status`` is the report's, ``answer`` the server's own words: where both give a code, one that spares the address
    counts.
    """
    found = statuses(status) + statuses(answer)
    lasting = [(subject, detail) for kind, subject, detail in found if kind == 5]
    if any(one[0] in (6, 7) or one in _SENDERS for one in lasting):
        return Verdict.REFUSED
    if any(one in _FULL for one in lasting) or _NO_ROOM.search(answer[:5000]):
        return Verdict.FULL
    if any(one in _DEAD for one in lasting):
        return Verdict.DEAD
    code = _CODE.search(answer[:5000])
    if not lasting and (found or (code and code[1].startswith("4"))):
        # It was tried for days; nobody said that it never works.
        return Verdict.FULL
    if _UNWANTED.search(answer[:5000]):
        return Verdict.REFUSED
    return Verdict.DEAD if _NOBODY.search(answer[:5000]) else Verdict.REFUSED
