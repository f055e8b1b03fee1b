"""What a recipient will see, before anything is sent; and what a template looks like without any."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import get_language

from contacts.models import Contact
from contacts.statuses import CustomerStatus
from emails import ledger
from emails.letters import WAY_OUT, Content
from emails.merging import fill, in_html, in_line, lacking
from emails.models import Mailing, TemplateVersion
from emails.reasons import LeftOut
from emails.rendering import content_of, reason_for
from emails.standing import standing_of
from emails.values import known_names, languages_for, merge_fields, values_for

LOOKS = ("light", "dark")
_ASKS_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)")
_SCHEMES = re.compile(r"light dark")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A mail as one recipient gets it. ``lacking`` are labels of merge fields that they have nothing for; where
    something in the mail is wrong, ``problems`` say so and there is nothing to see.
    """

    name: str = ""
    address: str = ""
    language: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    lacking: Sequence[str] = ()
    problems: Sequence[str] = ()


def number_of(mailing: Mailing) -> int:
    """How many recipients there are to look at it as."""
    return mailing.total - mailing.left_out


def preview_of(mailing: Mailing, number: int, reader: Any) -> Preview:
    """The mail as recipient ``number``, from 1, gets it.

    With what the author has rights to: who reads it beside them, sees all. A recipient who is out of sight by now has
    no name and no values. Raises ``IndexError`` where there is no such recipient.
    """
    user = mailing.author or reader
    recipient = ledger.rows(mailing)[number - 1]
    rows = Contact.objects.visible_to(user).filter(pk=recipient.contact_id)
    contact = rows.filter(pk__in=Contact.objects.visible_to(reader)).first()
    if contact is None:
        return Preview(problems=[str(LeftOut.NOT_YOURS.label)])
    language = languages_for(mailing, [contact.pk])[contact.pk]
    values = values_for(mailing, [contact.pk], user)[contact.pk]
    found = standing_of([recipient.address]).get(recipient.address)
    reason = reason_for(
        found.ground.basis if found else "",
        mailing,
        language,
        is_customer=contact.customer_status == CustomerStatus.CURRENT,
    )
    return _filled(
        mailing, values, user, language, reason, name=contact.name, address=recipient.address
    )


def sample_of(mailing: Mailing, reader: Any) -> Preview:
    """The mail with the names of its merge fields instead of anybody's values."""
    language = mailing.language or get_language() or "en"
    return _filled(mailing, {}, reader, language, reason_for("", mailing, language))


def sample_of_version(version: TemplateVersion, reader: Any) -> Preview:
    mailing = Mailing(
        author=reader,
        record="deal",
        subject=version.subject,
        html=version.html,
        text=version.text,
        language=get_language() or "en",
    )
    return sample_of(mailing, reader)


def _filled(
    mailing: Mailing,
    values: dict[str, str],
    user: Any,
    language: str,
    reason: str,
    *,
    name: str = "",
    address: str = "",
) -> Preview:
    # Its pictures are fetched from where the preview is looked at.
    origin, mailing.origin = mailing.origin, ""
    try:
        content = content_of(
            mailing,
            known=known_names(mailing.record, user),
            language=language,
            reason=reason,
        )
    except ValidationError as error:
        return Preview(name=name, address=address, language=language, problems=error.messages)
    finally:
        mailing.origin = origin
    # Nobody is taken off by trying it out in a preview.
    values = {**values, WAY_OUT: f"{origin}/u/…"}
    missing = _lacking(content, values)
    labels = {one.name: one.label for one in merge_fields(mailing.record, user)}
    values |= {one: f"[{labels.get(one, one)}]" for one in missing if not values.get(one)}
    return Preview(
        name=name,
        address=address,
        language=language,
        subject=in_line(_shown(content.subject, values, in_line)),
        text=_shown(content.text, values),
        html=_shown(content.html, values, in_html),
        lacking=[labels.get(one, one) for one in missing],
    )


def _lacking(content: Content, values: dict[str, str]) -> list[str]:
    parts = (content.subject, content.html, content.text)
    return list(dict.fromkeys(one for part in parts for one in lacking(part, values)))


def _shown(text: Any, values: dict[str, str], quoted: Any = str) -> str:
    """Filled in; what cannot be, such as a link that leads nowhere, is left out rather than hiding the rest."""
    pieces = []
    for piece in text:
        try:
            pieces.append(fill((piece,), values, quoted))
        except KeyError:
            continue
    return "".join(pieces)


def in_look(html: str, look: str) -> str:
    """The document as a mail program shows it that is set to ``look``, whatever this computer is set to."""
    html = _ASKS_DARK.sub("all" if look == "dark" else "not all", html)
    return _SCHEMES.sub(look, html)
