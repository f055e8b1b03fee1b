"""Delivery reports that are no ``multipart/report``: those of qmail, older Exim, Exchange, Gmail, Yahoo and Sendmail.

They are told from people's mails by who they come from and how they begin; what they say is read line by line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from emails.models import Report
from emails.reports.verdicts import statuses

if TYPE_CHECKING:
    from emails.reports.anatomy import Mail

Kind = Report.Kind


class Said(NamedTuple):
    kind: str
    address: str
    status: str
    answer: str


_SERVER = re.compile(
    r"mailer-?daemon|postmaster|mail delivery (?:sub)?system|mail-?daemon|"
    r"microsoftexchange[0-9a-f]+@|bounce[sd]?@|complaints?@|no-?reply@amazonses",
    re.I,
)
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[^\s<>()\"',;:]{1,255}[^\s<>()\"',;:.]"
)
# How a report begins that gives a mail up, and one that goes on trying.
_FAILED = re.compile(
    r"this is the qmail-send program|could not be delivered to (?:one or more|all) of its recipients|"
    r"delivery to the following recipients? (?:failed|has been aborted)|unable to deliver (?:your|the) message|"
    r"wasn[’']t (?:able to be )?delivered|couldn[’']t be delivered|could not be delivered|permanent fatal errors|"
    r"permanent error|did not reach (?:some or all of )?the|undeliverable|was not delivered to|"
    r"delivery (?:has )?failed|address not found|"
    r"n[’']a pas pu être (?:remis|distribué|délivré)|konnte nicht (?:zugestellt|übermittelt)|"
    r"unzustellbar|not been delivered",
    re.I,
)
_DELAYED = re.compile(
    r"warning: message|has not yet been delivered|delivery (?:is )?delayed|still (?:be )?(?:trying|retrying)|"
    r"will (?:be retried|continue to (?:be )?(?:try|retried)|keep trying)|this is a warning message only|"
    r"delivery incomplete|temporary (?:problem|failure|errors)|transient non-fatal errors",
    re.I,
)
# Behind this, the mail itself is quoted.
_COPY = re.compile(
    r"^\s*-{2,}\s*(?:below this line|this is a copy|original message|the (?:body|header)|returned (?:message|mail)|"
    r"unsent message|message header|enclosed)[^\n]*$|^\s*-----\s*original[^\n]*$|^original message headers:|"
    r"^\s*received: from ",
    re.I | re.M,
)
_CODED = re.compile(r"(?<![\d.#])[45]\d\d[ \-:#]|(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")
_ABSENT = re.compile(
    r"out of (?:the )?office|automatic reply|auto-?reply|autosvar|abwesen|automatische antwort|réponse automatique|"
    r"absence du bureau|on (?:vacation|holiday|leave)|im urlaub|en vacances",
    re.I,
)
# Lines, of which the answer is in one of the first.
_LINES = 60


def is_from_a_server(mail: Mail) -> bool:
    """Whether a message was sent by a mail server on its own account, as far as it says itself."""
    sender = f"{mail.get('from')} {mail.get('return-path')}"
    if mail.get("x-failed-recipients") or _SERVER.search(sender):
        return not is_absence(mail)
    return mail.get("return-path") == "<>" and not is_absence(mail)


def is_absence(mail: Mail) -> bool:
    """An answer on somebody's behalf, who is away: it came because the mail arrived (RFC 3834)."""
    if mail.get("x-failed-recipients"):
        return False
    if mail.get("x-autoreply") or mail.get("x-autorespond") or mail.get("x-vacation"):
        return True
    if mail.get("precedence").lower() == "auto_reply" or _ABSENT.search(mail.subject):
        return True
    return mail.get("auto-submitted").lower().startswith("auto-replied") and not _SERVER.search(
        mail.get("from")
    )


def read(mail: Mail) -> Said | None:
    """What the report of a server in plain words says; None if it cannot be made out."""
    text = mail.said
    if copy := _COPY.search(text):
        text = text[: copy.start()]
    begins = f"{mail.subject}\n{text[:4000]}"
    delayed = _DELAYED.search(begins)
    if not delayed and not _FAILED.search(begins) and not mail.get("x-failed-recipients"):
        return None
    address = _address(mail, text)
    answer = _answer(text, address)
    status = next((".".join(map(str, one)) for one in statuses(answer)), "")
    kind = Kind.PUT_OFF if delayed and not status.startswith("5") else Kind.BOUNCED
    return Said(kind, address, status, answer)


def _address(mail: Mail, text: str) -> str:
    """Whom the mail did not reach: as a header has it, else the first of a line of its own, else the first."""
    named = _ADDRESS.search(mail.get("x-failed-recipients"))
    if named:
        return named.group()
    for line in text.splitlines()[:_LINES]:
        bare = line.strip().strip("*•- ").rstrip(":").strip("<>'\"")
        if _ADDRESS.fullmatch(bare):
            return bare
    senders = f"{mail.get('from')} {mail.get('to')}".lower()
    found = (one.group() for one in _ADDRESS.finditer(text[:20_000]))
    return next((one for one in found if one.lower() not in senders), "")


def _answer(text: str, address: str) -> str:
    """The line with the server's code and what goes on with it; else what stands behind the address."""
    lines = text.splitlines()[:_LINES]
    for number, line in enumerate(lines):
        if _CODED.search(line):
            return " ".join(one.strip() for one in lines[number : number + 3] if one.strip())
    behind = text.partition(address)[2] if address else text
    paragraph = behind.strip(" \t\r\n>:'\"").partition("\n\n")[0]
    return " ".join(paragraph.split())
