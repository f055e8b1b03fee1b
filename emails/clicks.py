"""Counting clicks on the links of a mailing, where an administrator turned that on; otherwise nothing here happens.

A counted link leads over ``/c/<token>``. The token names a stored link and nothing else can be put into it, so that it
leads where the author of the mailing said and nowhere else. Without “known” it is the same for all recipients: who
clicked is not known to anybody. Whether a mail was opened is never asked: no picture in a mail tells who loads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from html import escape, unescape
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F

from emails import ways_out
from emails.letters import Content
from emails.merging import Place, Text
from emails.models import AddressEvent, Link, Mailing, MailSettings, Recipient

Clicks = MailSettings.Clicks
# Of a place that a recipient's own link goes to; no merge field begins so.
_PLACE = "standing_click_"
# As nh3 and css-inline write it; an address with a merge field in it is torn into pieces, and is not found.
_IN_HTML = re.compile(r'(<a\b[^>]*?\shref=")(https?://[^"]*)(?=")', re.I)
_IN_TEXT = re.compile(r"https?://\S+", re.I)
_AFTER = ".,;:!?)]}>'\"”»"
# Django leads to no longer ones.
LONGEST = 2000


def rewritten(content: Content, mailing: Mailing) -> Content:
    """The content with its links counted, as the settings have it; unchanged where they are off.

    Left as they are: the way out, links that hold a merge field, and those that stand in the plain text only.
    """
    mode = MailSettings.current().clicks
    if mode == Clicks.OFF:
        return content
    urls = [url for url in _urls(content.html) if _is_countable(url)]
    if not urls:
        return content
    numbers = _stored(mailing, urls)
    where: dict[str, str | Place] = {
        url: Place(f"{_PLACE}{number}") if mode == Clicks.KNOWN else address(mailing, number)
        for url, number in numbers.items()
    }
    return replace(content, html=_in_html(content.html, where), text=_in_text(content.text, where))


def places_of(content: Content) -> list[str]:
    """The places that ``rewritten`` made for each recipient's own links: none unless clicks are “known”."""
    names = {piece.name for piece in (*content.html, *content.text) if isinstance(piece, Place)}
    return sorted(name for name in names if name.startswith(_PLACE))


def values_of(places: Iterable[str], mailing: Mailing, position: int) -> dict[str, str]:
    """What goes to these places in the mail of one recipient."""
    return {name: address(mailing, int(name.removeprefix(_PLACE)), position) for name in places}


def address(mailing: Mailing, number: int, *position: int) -> str:
    """Where the link ``number`` of a mailing leads over."""
    token = ways_out.signed(mailing, ways_out.CLICK, number, *position)
    return f"{ways_out.origin_of(mailing)}/c/{token}"


def read(token: str) -> tuple[Link, int] | None:
    """The link of a token and the position of who has it, 0 where that is not known; None for a forged one."""
    found = ways_out.opened(token, ways_out.CLICK)
    if found is None or len(found) > 3:
        return None
    mailing, number, position = (*found, 0)[:3]
    link = Link.objects.select_related("mailing").filter(mailing=mailing, number=number).first()
    return (link, position) if link else None


def note(link: Link, position: int) -> None:
    """Count a click, and keep with the recipient which link it was, both only where that is turned on by now."""
    mode = MailSettings.current().clicks
    if mode == Clicks.OFF or link.mailing.state not in Mailing.STARTED:
        # What is clicked in a test mail says nothing of recipients.
        return
    with transaction.atomic():
        Link.objects.filter(pk=link.pk).update(clicks=F("clicks") + 1)
        if mode == Clicks.KNOWN and position:
            _keep(link, position)


def _keep(link: Link, position: int) -> None:
    """Once for each link: programs that look at links, and readers, come again and again."""
    row = Recipient.objects.filter(mailing=link.mailing_id, position=position)
    address = row.values_list("address", flat=True).first()
    if not address:
        return
    AddressEvent.objects.get_or_create(
        address=address,
        kind=AddressEvent.Kind.CLICKED,
        mailing_id=link.mailing_id,
        position=position,
        details__link=link.number,
        defaults={"details": {"link": link.number, "url": link.url[:500]}},
    )


def _stored(mailing: Mailing, urls: list[str]) -> dict[str, int]:
    """The number of each link, new ones written down. Workers and languages of one mailing share them."""
    numbers = _numbers(mailing)
    if set(urls) <= set(numbers):
        return {url: numbers[url] for url in urls}
    with transaction.atomic():
        Mailing.objects.select_for_update(no_key=True).filter(pk=mailing.pk).values("pk").first()
        numbers = _numbers(mailing)
        last = max(numbers.values(), default=0)
        new = [url for url in dict.fromkeys(urls) if url not in numbers]
        rows = [
            Link(mailing=mailing, number=number, url=url)
            for number, url in enumerate(new, last + 1)
        ]
        Link.objects.bulk_create(rows)
    numbers |= {row.url: row.number for row in rows}
    return {url: numbers[url] for url in urls}


def _numbers(mailing: Mailing) -> dict[str, int]:
    return dict(Link.objects.filter(mailing=mailing).values_list("url", "number"))


def _urls(html: Text) -> list[str]:
    found = [_IN_HTML.findall(piece) for piece in html if isinstance(piece, str)]
    return list(dict.fromkeys(unescape(url) for one in found for _before, url in one))


def _is_countable(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return bool(host) and len(url) <= LONGEST


def _in_html(text: Text, where: dict[str, str | Place]) -> list[str | Place]:
    pieces: list[str | Place] = []
    for piece in text:
        if isinstance(piece, Place):
            pieces.append(piece)
            continue
        end = 0
        for found in _IN_HTML.finditer(piece):
            leads = where.get(unescape(found.group(2)))
            if leads is None:
                continue
            pieces.append(piece[end : found.end(1)])
            pieces.append(escape(leads) if isinstance(leads, str) else leads)
            end = found.end(2)
        pieces.append(piece[end:])
    return _joined(pieces)


def _in_text(text: Text, where: dict[str, str | Place]) -> list[str | Place]:
    pieces: list[str | Place] = []
    last = len(text) - 1
    for number, piece in enumerate(text):
        if isinstance(piece, Place):
            pieces.append(piece)
            continue
        end = 0
        for found in _IN_TEXT.finditer(piece):
            url = found.group().rstrip(_AFTER)
            leads = where.get(url)
            # An address at the end of a piece goes on in the merge field behind it.
            if leads is None or (found.end() == len(piece) and number < last):
                continue
            pieces += [piece[end : found.start()], leads]
            end = found.start() + len(url)
        pieces.append(piece[end:])
    return _joined(pieces)


def _joined(pieces: list[str | Place]) -> list[str | Place]:
    """Neighbouring texts as one, as ``merging.read`` gives them: fewer pieces are sent faster."""
    joined: list[str | Place] = []
    for piece in pieces:
        before = joined[-1] if joined else None
        if isinstance(piece, str) and isinstance(before, str):
            joined[-1] = before + piece
        elif piece:
            joined.append(piece)
    return joined
