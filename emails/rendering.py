"""From what somebody wrote to what is sent: made safe, put into its layout, styles inlined, and as plain text."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import css_inline
import nh3
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from emails.letters import WAY_OUT, Content
from emails.merging import read
from emails.models import Image, Mailing, MailSettings
from emails.plain_text import plain
from emails.reasons import Basis
from settings.catalogue import catalogue

__all__ = ["PICTURE", "cleaned", "content_of", "plain", "reason_for"]

TAGS = {
    "h1", "h2", "h3", "p", "br", "hr", "ul", "ol", "li", "strong", "b", "em", "i", "u", "s", "a", "img", "blockquote",
}  # fmt: skip
# Read where they are pasted, as lines of their own; never kept.
LINES = {
    "div",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "center",
    "pre",
    "address",
    "tr",
    "td",
    "th",
    "h4",
    "h5",
    "h6",
}
ATTRIBUTES = {"a": {"href", "class"}, "img": {"src", "alt", "width", "height"}, "ol": {"start"}}
# A link that looks like a button; no other class is anybody's to give.
CLASSES = {"a": {"button"}}
# Ours, wherever it was copied from: kept without scheme and host, which each mail gets of its own.
PICTURE = re.compile(r"(?:https?://[^/?#]+)?(/i/([A-Za-z0-9_-]{22})\.(?:png|jpg|gif))")
_HEADING = re.compile(r"(</?)h[456]>")
_CELL = re.compile(r"</?t[dh]>")
_LINE = re.compile(rf"</?(?:{'|'.join(sorted(LINES))})>")
_INNERMOST = re.compile(
    r"<(div|section|article|header|footer|main|center|pre|address|tr)>"
    r"((?:(?!</?(?:div|section|article|header|footer|main|center|pre|address|tr|p|h\d|ul|ol|li|blockquote|hr)\b).)*)"
    r"</\1>",
    re.S,
)
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_WITHOUT_SOURCE = re.compile(r"<img(?![^>]*\ssrc=)[^>]*>")
_IMAGE = re.compile(r"<img\b[^>]*>")
_SOURCE = re.compile(r'\ssrc="([^"]*)"')
_SIZES = re.compile(r'\s(?:width|height)="[^"]*"')
_WIDTH = re.compile(r'\swidth="([^"]*)"')
_BUTTON = re.compile(r'(<a\b[^>]*\sclass="button"[^>]*>)(.*?)(</a>)', re.S)
# The text is 600 pixels wide, less its margins.
WIDEST = 536
_INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


def cleaned(html: str) -> str:
    """What may be in a mail, of what somebody wrote or pasted; everything else is dropped.

    Of pictures only those that were uploaded here: one that stands elsewhere tells a stranger who reads the mail, and
    when.
    """
    safe = _clean(html, TAGS | LINES)
    if _LINE.search(safe):
        # Once more, because a paragraph in a paragraph is none.
        safe = _clean(_as_paragraphs(safe), TAGS)
    return _WITHOUT_SOURCE.sub("", safe)


def _clean(html: str, tags: set[str]) -> str:
    return nh3.clean(
        html,
        tags=tags,
        clean_content_tags={"script", "style", "title", "template", "svg", "math"},
        attributes={tag: names - {"class"} for tag, names in ATTRIBUTES.items()},
        allowed_classes=CLASSES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
        strip_comments=True,
    )


def _as_paragraphs(html: str) -> str:
    """What is pasted has its lines in all kinds of elements: the innermost become paragraphs, the rest goes."""
    html = _CELL.sub(" ", _HEADING.sub(r"\1h3>", html))
    return _LINE.sub("", _INNERMOST.sub(r"<p>\2</p>", html))


def _kept(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        ours = PICTURE.fullmatch(value.strip())
        return ours.group(1) if ours else None
    if name in ("width", "height", "start"):
        return value if _NUMBER.fullmatch(value) else None
    return value


def content_of(mailing: Mailing, *, known: Collection[str], language: str, reason: str) -> Content:
    """The mailing in ``language``, read into pieces. Raises ``ValidationError`` for merge fields that are none.

    ``reason`` says why one gets it; see ``reason_for``. Three statements.
    """
    known = {*known, WAY_OUT}
    with translation.override(language):
        around = _around(mailing, language, reason)
        body = _laid_out(mailing.html, mailing.origin)
        style = f"<style>{render_to_string('emails/mail.css', around)}</style>"
        html = render_to_string("emails/mail.html", {**around, "body": body, "style": style})
        written = mailing.text or plain(mailing.html)
        text = render_to_string("emails/mail.txt", {**around, "body": written})
        return Content(
            subject=read(mailing.subject, known=known),
            text=read(text.strip() + "\n", known=known),
            html=read(_INLINER.inline(html), known=known, html=True),
        )


def _around(mailing: Mailing, language: str, reason: str) -> dict[str, Any]:
    look = MailSettings.current()
    logo = look.logo
    # Outlook goes by the attributes, and knows no widest.
    scale = min(1, 240 / logo.width, 72 / logo.height) if logo else 1
    return {
        "look": look,
        "on_colour": next(one for one in ("#ffffff", "#111111") if _reads(one, look.colour, 4)),
        "link": look.colour if _reads(look.colour, "#ffffff") else "#1f2328",
        "link_in_dark": look.colour if _reads(look.colour, "#1b1e22") else "#6cb2f7",
        "logo": logo and f"{mailing.origin}{logo.path}",
        "logo_width": logo and round(logo.width * scale),
        "logo_height": logo and round(logo.height * scale),
        "sender_name": catalogue().account.name or (mailing.sender.name if mailing.sender else ""),
        "subject": mailing.subject,
        "reason": reason,
        "language": language,
        "way_out": f"{{{{ {WAY_OUT} }}}}",
    }


def _reads(colour: str, ground: str, contrast: float = 4.5) -> bool:
    """Whether one is read on the other, by the contrast of WCAG 2. Of white and black, one has 4 on any ground."""
    light, dark = sorted((_luminance(colour), _luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05) >= contrast


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def reason_for(basis: str, mailing: Mailing, language: str, *, is_customer: bool = False) -> str:
    """Why somebody gets a mail, as a sentence in ``language``, by the legal basis of the address.

    Where none is noted, a customer reads that, and everybody else that they are in touch.
    """
    name = catalogue().account.name or (mailing.sender.name if mailing.sender else "")
    if not basis and is_customer:
        basis = Basis.CUSTOMER
    with translation.override(language):
        sentences = {
            Basis.CONSENT: _("You get this mail because you agreed to hear from %(name)s."),
            Basis.CUSTOMER: _("You get this mail because you are a customer of %(name)s."),
            Basis.CONTRACT: _("You get this mail because you have a contract with %(name)s."),
            Basis.INTEREST: _("You get this mail because you are a business contact of %(name)s."),
        }
        other = _("You get this mail because you are in touch with %(name)s.")
        return sentences.get(basis, other) % {"name": name or _("us")}  # type: ignore[call-overload]


# -- what mail clients need


def _laid_out(html: str, origin: str) -> str:
    """The rich text with whole addresses of its pictures, their sizes, and buttons that Outlook shows as such."""
    keys = {found.group(2) for found in PICTURE.finditer(html)}
    sizes = (
        {one.key: (one.width, one.height) for one in Image.objects.filter(key__in=keys)}
        if keys
        else {}
    )
    html = _IMAGE.sub(lambda found: _sized(found.group(), sizes, origin), html)
    return _BUTTON.sub(_robust_button, html)


def _sized(image: str, sizes: dict[str, tuple[int, int]], origin: str) -> str:
    source = _SOURCE.search(image)
    ours = PICTURE.fullmatch(source.group(1)) if source else None
    if ours is None or source is None:
        return image
    asked = _WIDTH.search(image)
    own, height = sizes.get(ours.group(2), (0, 0))
    width = min(int(asked.group(1)) if asked else own or WIDEST, WIDEST)
    given = f' width="{width}"'
    if own:
        given += f' height="{max(round(height * width / own), 1)}"'
    image = _SIZES.sub("", image).replace(source.group(), f' src="{origin}{ours.group(1)}"', 1)
    return image.removesuffix(">").removesuffix("/").rstrip() + given + ">"


def _robust_button(found: re.Match[str]) -> str:
    """Outlook gives links no padding; it reads these widths and raises, which nobody else does."""
    begin, words, end = found.groups()
    space = '<!--[if mso]><i style="mso-font-width:200%;mso-text-raise:{}" hidden>&emsp;</i><![endif]-->'
    return (
        f'{begin}{space.format("22px")}<span style="mso-text-raise:11px">{words}</span>'
        f"{space.format('0')}{end}"
    )
