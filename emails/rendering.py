"""From what somebody wrote to what is sent: made safe, put into its layout, styles inlined, and as plain text."""

from __future__ import annotations

import re
from collections.abc import Collection
from html.parser import HTMLParser
from typing import Any

import css_inline
import nh3
from django.template.loader import render_to_string
from django.utils import translation

from emails.letters import WAY_OUT, Content
from emails.merging import read
from emails.models import Mailing, MailSettings

TAGS = {
    "h1", "h2", "h3", "p", "br", "hr", "ul", "ol", "li", "strong", "b", "em", "i", "u", "s", "a", "img", "blockquote",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "class"}, "img": {"src", "alt", "width", "height"}, "ol": {"start"}}
# A link that looks like a button; no other class is anybody's to give.
CLASSES = {"a": {"button"}}
_INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


def cleaned(html: str) -> str:
    """What may be in a mail, of what somebody wrote or pasted; everything else is dropped."""
    return nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags={"script", "style", "title", "template", "svg", "math"},
        attributes={tag: names - {"class"} for tag, names in ATTRIBUTES.items()},
        allowed_classes=CLASSES,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
        strip_comments=True,
    )


def content_of(mailing: Mailing, *, known: Collection[str], language: str, reason: str) -> Content:
    """The mailing in ``language``, read into pieces. Raises ``ValidationError`` for merge fields that are none."""
    known = {*known, WAY_OUT}
    with translation.override(language):
        around: dict[str, Any] = {
            "look": MailSettings.current(),
            "subject": mailing.subject,
            "reason": reason,
            "language": language,
            "way_out": f"{{{{ {WAY_OUT} }}}}",
        }
        html = render_to_string("emails/mail.html", {**around, "body": mailing.html})
        written = mailing.text or plain(mailing.html)
        text = render_to_string("emails/mail.txt", {**around, "body": written})
    return Content(
        subject=read(mailing.subject, known=known),
        text=read(text, known=known),
        html=read(_INLINER.inline(html), known=known, html=True),
    )


def plain(html: str) -> str:
    """The rich text without its looks: links behind their words, points with a dash, pictures as their words."""
    reader = _Plain()
    reader.feed(html)
    reader.close()
    return reader.text


class _Plain(HTMLParser):
    BLOCKS = frozenset({"p", "h1", "h2", "h3", "ul", "ol", "blockquote", "hr"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._numbers: list[int | None] = []

    @property
    def text(self) -> str:
        text = re.sub(r"[ \t]*\n[ \t]*", "\n", "".join(self._parts))
        return re.sub(r"\n{3,}", "\n\n", text).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in self.BLOCKS:
            self._parts.append("\n\n")
        if tag == "br":
            self._parts.append("\n")
        elif tag == "hr":
            self._parts.append("–" * 20 + "\n\n")
        elif tag in ("ul", "ol"):
            self._numbers.append(int(given.get("start") or 1) if tag == "ol" else None)
        elif tag == "li":
            self._parts.append("\n" + self._point())
        elif tag == "img":
            self._parts.append(given.get("alt") or "")
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self._parts)))

    def _point(self) -> str:
        if not self._numbers or self._numbers[-1] is None:
            return "- "
        number = self._numbers[-1]
        self._numbers[-1] = number + 1
        return f"{number}. "

    def handle_endtag(self, tag: str) -> None:
        if tag in self.BLOCKS:
            self._parts.append("\n\n")
        if tag in ("ul", "ol") and self._numbers:
            self._numbers.pop()
        elif tag == "a" and self._links:
            href, begins = self._links.pop()
            words = "".join(self._parts[begins:]).strip()
            bare = href.removeprefix("mailto:").removeprefix("tel:")
            if bare and bare != words:
                self._parts.append(f" ({bare})" if words else bare)

    def handle_data(self, data: str) -> None:
        self._parts.append(re.sub(r"\s+", " ", data))
