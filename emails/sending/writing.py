"""The letters of a mailing: what is the same for all is made once, what is each one's is filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone

from contacts.models import Contact
from contacts.statuses import CustomerStatus
from emails import clicks, ways_out
from emails.letters import Envelope, Letter
from emails.models import Address, Mailing, Sender
from emails.reasons import Failure
from emails.rendering import content_of, reason_for
from emails.sending.rows import Outcome, Row, State
from emails.transport import told
from emails.values import known_names, language_of, values_for
from settings.catalogue import catalogue


class Reader(NamedTuple):
    """In which language somebody is written to, and the sentence that says why."""

    language: str
    reason: str


class Writer:
    """Makes the letters of one mailing. Raises ``ValidationError`` where it says what cannot be filled in."""

    def __init__(self, mailing: Mailing, user: Any) -> None:
        self.mailing, self.user = mailing, user
        self.sender: Any = mailing.sender
        self._known = known_names(mailing.record, user)
        self._letters: dict[Reader, Letter] = {}
        # The places of links whose clicks are kept with the recipient.
        self._clicked: dict[Reader, list[str]] = {}
        self._reasons: dict[tuple[str, str, bool], str] = {}

    def letters(self, rows: Sequence[Row]) -> tuple[list[tuple[Row, bytes]], list[Outcome]]:
        """The letters of these rows, and what becomes of those of which none can be made.

        The same few statements, however many rows.
        """
        ids = [one.contact_id for one in rows]
        values = values_for(self.mailing, ids, self.user)
        readers = self._readers(rows)
        now = timezone.localtime()
        made, failed = [], []
        for row in rows:
            reader, own = readers.get(row.contact_id), values.get(row.contact_id)
            if reader is None or own is None:
                # Gone since it was looked for, a moment ago: whoever takes the row next finds out why.
                failed.append(Outcome(row.position, State.WAITING, row.attempts - 1))
                continue
            try:
                made.append((row, self._written(row, reader, own, now)))
            except KeyError as lacking:
                failed.append(_failed(row, Failure.LACKING, str(lacking.args[0])))
            except ValueError as error:
                failed.append(_failed(row, Failure.REJECTED, told(error)))
        return made, failed

    def _written(self, row: Row, reader: Reader, own: Mapping[str, str], now: datetime) -> bytes:
        letter = self._letter(reader)
        clicked = clicks.values_of(self._clicked[reader], self.mailing, row.position)
        return letter.to(self.envelope(row), {**own, **clicked} if clicked else own, now)

    def _readers(self, rows: Sequence[Row]) -> dict[int, Reader]:
        account = catalogue().account.language
        contacts = Contact.objects.filter(pk__in=[one.contact_id for one in rows]).order_by()
        chosen = {
            pk: (language_of(language, account, self.mailing), status == CustomerStatus.CURRENT)
            for pk, language, status in contacts.values_list("pk", "language", "customer_status")
        }
        addresses = Address.objects.filter(address__in=[one.address for one in rows])
        bases = dict(addresses.exclude(basis="").order_by().values_list("address", "basis"))
        found = {}
        for row in rows:
            if row.contact_id in chosen:
                language, is_customer = chosen[row.contact_id]
                basis = bases.get(row.address, "")
                found[row.contact_id] = Reader(
                    language, self._reason(basis, language, is_customer=is_customer)
                )
        return found

    def _reason(self, basis: str, language: str, *, is_customer: bool) -> str:
        key = (basis, language, is_customer)
        if key not in self._reasons:
            self._reasons[key] = reason_for(basis, self.mailing, language, is_customer=is_customer)
        return self._reasons[key]

    def letter_in(self, language: str) -> Letter:
        """For somebody of whom nothing is known but the language."""
        return self._letter(Reader(language, self._reason("", language, is_customer=False)))

    def _letter(self, reader: Reader) -> Letter:
        letter = self._letters.get(reader)
        if letter is None:
            content = content_of(
                self.mailing, known=self._known, language=reader.language, reason=reader.reason
            )
            content = clicks.rewritten(content, self.mailing)
            self._clicked[reader] = clicks.places_of(content)
            letter = Letter(
                content,
                sender=(self.sender.name, self.sender.address),
                headers=headers_of(self.sender, reader.language),
            )
            self._letters[reader] = letter
        return letter

    def envelope(self, row: Row) -> Envelope:
        return Envelope(
            name=row.name,
            address=row.address,
            message_id=ways_out.message_id(self.mailing, row.position),
            way_out=ways_out.address(self.mailing, row.position),
            by_mail=ways_out.by_mail(self.mailing, row.position),
        )


def _failed(row: Row, reason: str, answer: str) -> Outcome:
    return Outcome(row.position, State.FAILED, row.attempts - 1, reason, answer)


def headers_of(sender: Sender, language: str) -> Mapping[str, str]:
    """The headers that all letters of a sender have, besides those that every letter has."""
    headers = {"List-Id": list_id(sender), "Content-Language": language}
    if sender.reply_to:
        headers["Reply-To"] = sender.reply_to
    return headers


def list_id(sender: Sender) -> str:
    """RFC 2919: what filters know the mails of a sender by, whatever it is called and whatever they say."""
    domain = sender.address.rpartition("@")[2]
    return f"<sender-{sender.pk}.mailings.{domain}>"


def envelope_sender(sender: Sender) -> str:
    return sender.bounces_to or sender.address
