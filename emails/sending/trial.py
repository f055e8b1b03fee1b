"""A test mail: what a recipient would read, sent to oneself. It is in no ledger and counts for nothing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.mail import InvalidMailer, MailerDoesNotExist
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from emails import clicks, merging
from emails.addresses import normal
from emails.audience import contacts_of
from emails.letters import Letter
from emails.models import Mailing, Recipient, Sender
from emails.sending import limits, slices
from emails.sending.rows import Row
from emails.sending.writing import Writer, envelope_sender
from emails.transport import Result, transport
from emails.values import languages_for, values_for
from settings.catalogue import known_once

# Of a test mail, in place of that of a row.
POSITION = 0


def send_test(mailing: Mailing, *, user: Any, to: str, contact_id: int | None = None) -> None:
    """Send the mailing to the user's own address ``to``, as a recipient would get it: ``contact_id``, else the first.

    Raises ``PermissionDenied`` if it is not the user's, and ``ValidationError`` with what keeps it from being sent,
    the server's words among it.
    """
    if not Mailing.objects.editable_by(user).filter(pk=mailing.pk).exists():
        raise PermissionDenied
    address = normal(to)
    if not address or address != normal(user.email):
        raise ValidationError(_("A test is sent to your own address only."))
    author = slices.author_of(mailing)
    _take_one(mailing)
    with known_once():
        letter = _letter(mailing, author, address, str(user), contact_id)
    sender: Any = mailing.sender
    try:
        with transport(sender.mailer) as post:
            answer = post.send(envelope_sender(sender), address, letter)
    except (MailerDoesNotExist, InvalidMailer) as error:
        raise ValidationError(str(error)) from error
    if answer.result is not Result.SENT:
        raise ValidationError(
            _("The test was not sent. The mail server says: %(answer)s") % {"answer": answer.text}
        )


def _take_one(mailing: Mailing) -> None:
    chosen: Any = mailing.sender_id
    with transaction.atomic():
        sender = Sender.objects.select_for_update(of=("self",), no_key=True).get(pk=chosen)
        if limits.room(sender) == 0:
            raise ValidationError(
                _("%(sender)s has sent as many mails as it may for now. Try again in a while.")
                % {"sender": sender}
            )
        limits.take(sender, 1)


def _letter(
    mailing: Mailing, author: Any, address: str, name: str, contact_id: int | None
) -> bytes:
    writer = Writer(mailing, author)
    chosen = contact_id if contact_id is not None else _first(mailing, author)
    chosen = chosen or 0
    values = values_for(mailing, [chosen], author).get(chosen, {}) if chosen else {}
    languages = languages_for(mailing, [chosen]) if chosen else {}
    language = languages.get(chosen, mailing.language) if chosen else mailing.language
    letter: Letter = writer.letter_in(language)
    values = {**values, **clicks.values_of(clicks.places_of(letter.content), mailing, POSITION)}
    now = timezone.now()
    row = Row(POSITION, chosen or 0, name, address, 1, now)
    # Who has nothing for a field is told so by the check; here the field shows where it is.
    lacking = {
        one: str(merging.Place(one))
        for text in (letter.content.subject, letter.content.text, letter.content.html)
        for one in merging.lacking(text, values)
    }
    given = {**lacking, **values} | {one: lacking[one] for one in lacking}
    return letter.to(writer.envelope(row), given, timezone.localtime(now))


def _first(mailing: Mailing, author: Any) -> int | None:
    rows = Recipient.objects.filter(mailing=mailing.pk).exclude(state=Recipient.State.LEFT_OUT)
    first = rows.order_by("position").values_list("contact_id", flat=True).first()
    if first is None and not mailing.ledger_at:
        first = contacts_of(mailing, author).values_list("pk", flat=True).first()
    return first
