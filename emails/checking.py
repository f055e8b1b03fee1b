"""The check before sending: what is wrong with a mailing, and what could be better."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from emails import identities
from emails import problems as names
from emails.audience import contacts_of
from emails.lacking import count_lacking, lacking
from emails.letters import WAY_OUT
from emails.looking import Written, wrong_with_links, wrong_with_pictures, wrong_with_subject
from emails.merge_fields import ALWAYS
from emails.merging import Place, needs_value, places, read
from emails.models import Mailing, MailSettings, Sender
from emails.plain_text import plain
from emails.problems import Problem
from emails.rendering import content_of
from emails.values import MergeField, merge_fields
from settings.catalogue import known_once

__all__ = ["Problem", "problems", "recipients_lacking"]

_WORD = re.compile(r"[^\W\d_]{4,}")


def problems(mailing: Mailing, user: Any) -> list[Problem]:
    """What is wrong with the mailing, blocking problems first. ``user`` is its author."""
    with known_once():
        fields = {one.name: one for one in merge_fields(mailing.record, user)}
        found = [
            *_wrong_with_sender(mailing, user),
            *wrong_with_subject(mailing.subject),
            *_wrong_with_body(mailing),
            *_wrong_fields(mailing, fields),
        ]
        written = Written.of(mailing.html)
        links = {one.name for one in fields.values() if one.is_link} | {WAY_OUT}
        found += wrong_with_links(written.links, links)
        found += wrong_with_pictures(written, mailing.html)
        found += _wrong_with_text(mailing)
        found += _wrong_with_layout(mailing, fields)
        found += _wrong_with_audience(mailing, user, fields)
    return sorted(dict.fromkeys(found), key=lambda one: not one.blocks)


def _wrong_with_sender(mailing: Mailing, user: Any) -> Iterator[Problem]:
    where = _("Sender")
    if mailing.sender_id is None:
        yield Problem(
            code="no_sender",
            what=_("The mail has no sender."),
            mend=_("Choose one. Administrators add senders under Settings › Senders."),
            where=where,
        )
    elif not Sender.objects.usable_by(mailing.author or user).filter(pk=mailing.sender_id).exists():
        yield Problem(
            code="sender_unusable",
            what=_("The sender “%(name)s” is out of use, or somebody else’s.")
            % {"name": mailing.sender},
            mend=_("Choose another."),
            where=where,
        )
    elif mailing.sender is not None and (told := identities.problem_with(mailing.sender)):
        yield Problem(code="no_mail_server", what=told, mend="", where=where)


def _wrong_with_body(mailing: Mailing) -> Iterator[Problem]:
    if not plain(mailing.html) and "<img" not in mailing.html:
        yield Problem(
            code="no_text",
            what=_("Nothing is written yet."),
            mend=_("Write the text of the mail."),
            where=names.text(),
        )


def _texts(mailing: Mailing) -> list[tuple[str, str, bool]]:
    """Where it stands, what, and whether it is HTML. Plain text that is made of the rich text repeats its faults."""
    found = [(names.subject(), mailing.subject, False), (names.text(), mailing.html, True)]
    return [*found, (names.plain_text(), mailing.text, False)] if mailing.text else found


def _wrong_fields(mailing: Mailing, fields: dict[str, MergeField]) -> Iterator[Problem]:
    for where, text, is_html in _texts(mailing):
        try:
            read(text, known={*fields, WAY_OUT}, html=is_html)
        except ValidationError as error:
            for sentence in error.messages:
                yield Problem(
                    code="merge_field",
                    what=sentence,
                    mend=_("Mend it, or remove it and add the field anew with the button."),
                    where=where,
                )


def _wrong_with_text(mailing: Mailing) -> Iterator[Problem]:
    """Plain text of one's own that says something else than the rich text."""
    if not mailing.text or not mailing.html:
        return
    derived, own = (set(_WORD.findall(one.lower())) for one in (plain(mailing.html), mailing.text))
    if len(derived) >= 8 and len(derived & own) < 0.4 * len(derived):
        yield Problem(
            code="text_differs",
            what=_("The plain text says something else than the rich text."),
            mend=_("Write it anew, or empty it: then it is made from the rich text."),
            where=names.plain_text(),
            blocks=False,
        )


def _wrong_with_layout(mailing: Mailing, fields: dict[str, MergeField]) -> Iterator[Problem]:
    where = _("Footer")
    if not MailSettings.current().postal_address.strip():
        yield Problem(
            code="no_postal_address",
            what=_("The mail has no postal address: the law of most countries asks for one."),
            mend=_("An administrator enters it under Settings › Look and rules."),
            where=where,
            blocks=False,
        )
    if not mailing.origin.startswith("https://"):
        yield Problem(
            code="not_encrypted",
            what=_(
                "Links of this installation are not encrypted: mail programs show no button to unsubscribe."
            ),
            mend=_(
                "Open this installation by its address with https://, and begin the mail there."
            ),
            where=where,
            blocks=False,
        )
    try:
        content = content_of(mailing, known=fields, language=mailing.language, reason="")
    except ValidationError:
        return
    if not all(_has_way_out(places(one)) for one in (content.text, content.html)):
        yield Problem(
            code="no_way_out",
            what=_("The mail has no link to unsubscribe."),
            mend=_(
                "Put the merge field unsubscribe_link back into the layout of this installation."
            ),
            where=where,
        )


def _has_way_out(found: list[Place]) -> bool:
    return any(one.name == WAY_OUT for one in found)


# -- recipients


def _wrong_with_audience(
    mailing: Mailing, user: Any, fields: dict[str, MergeField]
) -> Iterator[Problem]:
    where = _("Recipients")
    try:
        # The list may have gone since the ledger was written; it is written anew when sending starts.
        contacts_of(mailing, user)
        if mailing.ledger_at and not mailing.waiting:
            yield Problem(
                code="nobody",
                what=_("Nobody would get this mail."),
                mend=_("Look at whom it leaves out and why, or choose others in a list."),
                where=where,
            )
        wanted = _without_fallback(mailing, fields)
        counts = count_lacking(mailing, user, wanted)
    except ValidationError as error:
        for sentence in error.messages:
            yield Problem(
                code="audience",
                what=sentence,
                mend=_("Begin the mail anew from a list."),
                where=where,
            )
        return
    for name, number in counts.items():
        yield Problem(
            code="lacking",
            what=ngettext(
                "%(number)d recipient has no “%(field)s”.",
                "%(number)d recipients have no “%(field)s”.",
                number,
            )
            % {"number": number, "field": fields[name].label},
            mend=_('Say what stands there instead, as in {{ %(name)s | "…" }}, or fill it in.')
            % {"name": name},
            where=_places_of(name, mailing),
            field=name,
            count=number,
        )
    for name in wanted:
        if name not in counts and name not in ALWAYS:
            yield Problem(
                code="no_fallback",
                what=_("“%(field)s” has no fallback: who loses it until then gets no mail.")
                % {"field": fields[name].label},
                mend=_('Say what stands there instead, as in {{ %(name)s | "…" }}.')
                % {"name": name},
                where=_places_of(name, mailing),
                blocks=False,
            )


def recipients_lacking(
    mailing: Mailing, user: Any, name: str, *, at_most: int = 100
) -> list[tuple[int, str]]:
    """The first of those recipients who have nothing for the field ``name``: contact and what it is called."""
    fields = {one.name: one for one in merge_fields(mailing.record, user)}
    wanted = {one: link for one, link in _without_fallback(mailing, fields).items() if one == name}
    found = []
    for row, _missing in lacking(mailing, user, wanted):
        found.append(row)
        if len(found) == at_most:
            break
    return found


def _without_fallback(mailing: Mailing, fields: dict[str, MergeField]) -> dict[str, bool]:
    """The fields that every recipient must have, and whether it must be a web address.

    Of a text in which something is wrong none: it says so itself.
    """
    found: dict[str, bool] = {}
    for _where, text, is_html in _texts(mailing):
        try:
            pieces = read(text, known={*fields, WAY_OUT}, html=is_html)
        except ValidationError:
            continue
        for place in places(pieces):
            if place.name != WAY_OUT and needs_value(place):
                found[place.name] = found.get(place.name, False) or place.way == "link"
    return found


def _places_of(name: str, mailing: Mailing) -> str:
    pattern = re.compile(r"\{\{[^}]*?\b" + re.escape(name) + r"\b", re.I)
    found = [where for where, text, _is_html in _texts(mailing) if pattern.search(text)]
    return ", ".join(found)
