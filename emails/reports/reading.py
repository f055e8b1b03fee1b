"""What a message reports: a delivery that failed, was put off or done (RFC 3464, 6533), a complaint (RFC 5965), or a
wish to be taken off. Whether it is about a mail of ours, and true, is not asked here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from emails.addresses import normal
from emails.models import Report
from emails.reports import dialects
from emails.reports.anatomy import STATUS, Mail, Part, cleaned
from emails.reports.verdicts import Verdict, statuses

Kind = Report.Kind
FEEDBACK = "message/feedback-report"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a mail to one recipient. ``addresses`` are those that it is called by, as ``normal`` has them."""

    kind: str
    addresses: tuple[str, ...] = ()
    status: str = ""
    answer: str = ""
    # Where whoever reports has judged already what it means for the address.
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a message reports, and the text in which a proof of ours may be found."""

    outcomes: tuple[Outcome, ...] = ()
    evidence: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        """Empty for a message that is no report at all."""
        return self.outcomes[0].kind if self.outcomes else ""


def read(raw: bytes) -> Notice:
    """What a message reports; never raises. A report that says nothing is ``UNREADABLE``."""
    mail = Mail(raw)
    if wish := _wish(mail):
        # Who asks by mail may quote the mail of somebody else: only what they ask for counts.
        return Notice(outcomes=wish, evidence=mail.subject)
    outcomes = _complaint(mail) or _delivery(mail) or _in_words(mail)
    return Notice(outcomes=tuple(outcomes), evidence=mail.shown if outcomes else "")


# A mail of ours goes to one recipient; lists behind an address may be longer than this, and tell nothing more.
MOST = 50


def _in_words(mail: Mail) -> list[Outcome]:
    if not dialects.is_from_a_server(mail):
        return []
    said = dialects.read(mail)
    if said is None:
        return [Outcome(kind=Kind.UNREADABLE, answer=cleaned(mail.subject))]
    address = normal(said.address)
    return [
        Outcome(
            kind=said.kind,
            addresses=(address,) if address else (),
            status=said.status,
            answer=cleaned(said.answer),
        )
    ]


# -- delivery statuses

_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)$")
_DONE = ("delivered", "relayed", "expanded")


def _delivery(mail: Mail) -> list[Outcome]:
    part = mail.of_kind(*STATUS)
    # Some send the fields as plain text, or under the name of something else.
    text = part.text if part else mail.said if "final-recipient:" in mail.said.lower() else ""
    found = (one for block in _blocks(text) if (one := _of_block(block)))
    return list(islice(found, MOST))


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """The groups of fields, with lines that go on joined; the first of a name counts."""
    block: dict[str, str] = {}
    last = ""
    for line in [*text[:200_000].splitlines(), ""]:
        if line[:1] in (" ", "\t") and last and line.strip():
            block[last] = f"{block[last]} {line.strip()}"[:4000]
        elif found := _FIELD.match(line.strip()):
            name = found[1].lower()
            if name in block and name == "final-recipient":
                # Groups without an empty line between them.
                yield block
                block = {}
            last = name if name not in block else ""
            block.setdefault(name, found[2])
        elif not line.strip() and block:
            yield block
            block, last = {}, ""


def _of_block(block: dict[str, str]) -> Outcome | None:
    given = [block.get(name, "") for name in ("final-recipient", "original-recipient")]
    addresses = tuple(dict.fromkeys(one for text in given if (one := _recipient(text))))
    action = block.get("action", "").partition(" ")[0].strip(";,.").lower()
    status = next((".".join(map(str, one)) for one in statuses(block.get("status", ""))), "")
    if not any(given) or not (action or status):
        return None
    answer = re.sub(
        r"^(?:smtp|x-[\w-]+|utf-8)\s*;\s*", "", block.get("diagnostic-code", ""), flags=re.I
    )
    return Outcome(
        kind=_kind(action, status),
        addresses=addresses,
        status=status,
        answer=cleaned(answer or status),
    )


def _kind(action: str, status: str) -> str:
    if action in _DONE or (not action and status.startswith("2")):
        return Kind.DELIVERED
    if action == "delayed" or (action != "failed" and status.startswith("4")):
        return Kind.PUT_OFF
    return Kind.BOUNCED


def _recipient(text: str) -> str:
    """``rfc822; ada@example.org`` or ``utf-8; ada@bücher.example``, as ``normal`` has it."""
    _type, semicolon, address = text.partition(";")
    return normal((address if semicolon else text).strip().strip("<>").removeprefix("mailto:"))


# -- complaints

# Of a report on a sender's signatures, and of one that takes a complaint back, nothing is to be done.
_HARMLESS = ("not-spam", "auth-failure", "dmarc", "dkim")


def _complaint(mail: Mail) -> list[Outcome]:
    part = mail.of_kind(FEEDBACK)
    if part is None:
        return _of_hotmail(mail)
    fields = _merged(part)
    kind = fields.get("feedback-type", "abuse").lower()
    if kind in _HARMLESS:
        return [Outcome(kind=Kind.DELIVERED, answer=cleaned(kind))]
    wishes = kind.startswith("opt-out") or kind.startswith("opt_out")
    return [
        Outcome(
            kind=Kind.UNSUBSCRIBED if wishes else Kind.COMPLAINED,
            addresses=_named(
                fields.get("original-rcpt-to", ""), fields.get("removal-recipient", "")
            ),
            answer=cleaned(f"{kind} {fields.get('user-agent', '')}"),
        )
    ]


def _merged(part: Part) -> dict[str, str]:
    merged: dict[str, str] = {}
    for block in _blocks(part.text):
        for name, value in block.items():
            merged.setdefault(name, value)
    return merged


def _of_hotmail(mail: Mail) -> list[Outcome]:
    """Outlook.com's older form: the mail that was complained about, with one header more."""
    for part in mail.parts:
        if to := part.get("x-hmxmroriginalrecipient"):
            return [Outcome(kind=Kind.COMPLAINED, addresses=_named(to), answer="JMRP")]
    return []


def _named(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for text in texts if (one := _recipient(text))))


# -- wishes

_WISH = re.compile(r"\bunsubscribe[ _+][A-Za-z0-9_-]{18,48}", re.I)


def _wish(mail: Mail) -> tuple[Outcome, ...]:
    """A mail to the address that ``ways_out.by_mail`` gives."""
    if not _WISH.search(mail.subject):
        return ()
    return (Outcome(kind=Kind.UNSUBSCRIBED, answer=cleaned(mail.subject)),)
