"""Merge fields in a text: ``{{ first_name | "there" }}``, a name that is allowed and what stands where there is none.

A text is read once, into pieces; filling it in is joining strings. What is filled in is never read again, so that a
contact who is called ``{{ email }}`` stays called that. There is no expression, no attribute and no format in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from html import escape, unescape
from typing import NamedTuple
from urllib.parse import quote

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Word processors and telephones turn straight quotes into these; editors of HTML write entities.
_QUOTED = (
    r'"([^"{}]*)"|“([^”{}]*)”|„([^“”{}]*)[“”]|«\s?([^»{}]*?)\s?»|&quot;((?:(?!&quot;)[^{}])*)&quot;'
)
_BLANK = r"(?:\s|&nbsp;)*"
_PLACE = re.compile(
    r"\{\{" + _BLANK + r"([a-z][a-z0-9_]*)" + _BLANK
    + r"(?:\|" + _BLANK + r"(?:" + _QUOTED + r")" + _BLANK + r")?\}\}",
    re.I,
)  # fmt: skip
# What is left over looks like a merge field that was not written to its end.
_TORN = re.compile(r"\{\{.{0,60}|\}\}", re.S)
# Line breaks of every kind, and what else would tear a header or hide in it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")

# HTML as css-inline and nh3 write it: what is no text. Between the tags of a style sheet nothing is filled in.
_TAG = re.compile(
    r"<style\b.*?</style\s*>|<!--.*?-->|<[a-z/!](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.S | re.I
)
_ATTRIBUTE = re.compile(r"""\s([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)
# Only behind one of these is the rest of an address nobody's but ours: what is filled in leads nowhere else.
_BEFORE = re.compile(r"https?://[^/?#\s{}]+[/?#].*|mailto:.*|tel:.*", re.S | re.I)
# The same at the end of a plain text: the field that follows is a part of the address.
_IN_ADDRESS = re.compile(r"https?://[^/?#\s{}]+[/?#][^\s<>\"]*\Z", re.I)
WEB = re.compile(r"https?://[^\s/?#]+\S*", re.I)


class Place(NamedTuple):
    """Where a value goes. Without a fallback, every recipient must have one; an empty one says that nothing may stand
    there.

    ``way`` says how it is written there: empty where the whole text says it, else a key of ``WAYS``.
    """

    name: str
    fallback: str | None = None
    way: str = ""

    def __str__(self) -> str:
        tail = "" if self.fallback is None else f' | "{self.fallback}"'
        return f"{{{{ {self.name}{tail} }}}}"


Text = Sequence[str | Place]
Values = Mapping[str, str]


def read(text: str, *, known: Collection[str], html: bool = False) -> list[str | Place]:
    """The pieces of ``text``, of ``html`` in the order in which it is written.

    Raises ``ValidationError``, one message for each name that is not ``known``, each field that is torn, and each that
    stands in a tag where it could do harm.
    """
    pieces: list[str | Place] = []
    problems: list[str] = []
    for part, is_tag in _parts(text) if html else [(text, False)]:
        if not is_tag:
            _read_part(part, "", known, html, pieces, problems)
        elif "{{" in part or "}}" in part:
            _read_tag(part, known, pieces, problems)
        else:
            pieces.append(part)
    if html:
        problems = [*_torn_by_tags(text), *problems]
    if problems:
        raise ValidationError(list(dict.fromkeys(problems)))
    return _joined(pieces)


def _parts(html: str) -> Iterator[tuple[str, bool]]:
    """Texts and tags, in turn; whether it is a tag."""
    end = 0
    for found in _TAG.finditer(html):
        if found.start() > end:
            yield html[end : found.start()], False
        yield found.group(), True
        end = found.end()
    if end < len(html):
        yield html[end:], False


def _read_part(
    text: str,
    way: str,
    known: Collection[str],
    html: bool,
    pieces: list[str | Place],
    problems: list[str],
) -> None:
    end = 0
    for found in _PLACE.finditer(text):
        between = text[end : found.start()]
        problems += _torn(between)
        place = _place(found, html)._replace(way=way)
        if not html and _IN_ADDRESS.search(between):
            place = place._replace(way="part")
        if place.name not in known:
            problems.append(_("There is no merge field “%(name)s”.") % {"name": found.group(1)})
        pieces += [between, place]
        end = found.end()
    problems += _torn(text[end:])
    pieces.append(text[end:])


def _read_tag(
    tag: str, known: Collection[str], pieces: list[str | Place], problems: list[str]
) -> None:
    if tag.startswith("<!--") or tag[:6].lower() == "<style":
        pieces.append(tag)
        return
    end = 0
    for found in _ATTRIBUTE.finditer(tag):
        number = 2 if found.group(2) is not None else 3
        value, begins = found.group(number), found.start(number)
        if "{{" not in value and "}}" not in value:
            continue
        pieces.append(tag[end:begins])
        for part, way in _ways_of(found.group(1).lower(), value, problems):
            _read_part(part, way, known, True, pieces, problems)
        end = begins + len(value)
    problems += _torn(_ATTRIBUTE.sub("", tag))
    pieces.append(tag[end:])


def _ways_of(name: str, value: str, problems: list[str]) -> list[tuple[str, str]]:
    """The value of an attribute in parts, each with the way in which its fields are written."""
    if name in ("alt", "title"):
        return [(value, "words")]
    if name != "href":
        problems.append(
            _("No merge field can stand in “%(text)s”. Write it into the text or a link.")
            % {"text": unescape(value)[:80]}
        )
        return []
    whole = _PLACE.fullmatch(value.strip())
    if whole:
        fallback = _place(whole, True).fallback
        if fallback and not WEB.fullmatch(fallback):
            problems.append(
                _(
                    "“%(text)s” is no web address. Begin it with https://, as it is where a link leads."
                )
                % {"text": fallback}
            )
        return [(value.strip(), "link")]
    first = _PLACE.search(value)
    before = value[: first.start()] if first else value
    if not _BEFORE.fullmatch(unescape(before)):
        problems.append(
            _(
                "In the link “%(text)s” a merge field decides where it leads. Write the site out, and the field "
                "behind its first slash."
            )
            % {"text": unescape(value)[:80]}
        )
        return []
    return [(value, "number" if before.lower().startswith(("mailto:", "tel:")) else "part")]


def _joined(pieces: Sequence[str | Place]) -> list[str | Place]:
    """The same with texts that follow each other as one, and no empty ones."""
    found: list[str | Place] = []
    for piece in pieces:
        last = found[-1] if found else None
        if isinstance(piece, str) and type(last) is str:
            found[-1] = last + piece
        elif piece:
            found.append(piece)
    return found


def _place(found: re.Match[str], html: bool) -> Place:
    fallback = next((one for one in found.groups()[1:] if one is not None), None)
    if fallback is not None and html:
        fallback = unescape(fallback)
    return Place(found.group(1).lower(), fallback)


def _torn(text: str) -> list[str]:
    wrong = [" ".join(one.group().split()) for one in _TORN.finditer(text)]
    return [
        _('“%(text)s” is no merge field. Write it like {{ first_name | "there" }}.') % {"text": one}
        for one in wrong
    ]


def _torn_by_tags(html: str) -> list[str]:
    """Fields that would be some, were there no tags within: “{{ <b>first_name</b> }}”."""
    texts = [part for part, is_tag in _parts(html) if not is_tag]
    whole = Counter(found.group() for part in texts for found in _PLACE.finditer(part))
    without = Counter(found.group() for found in _PLACE.finditer("".join(texts)))
    return [
        _(
            "The formatting tears “%(text)s” apart. Remove the formatting inside of the braces, or add the field "
            "anew with the button."
        )
        % {"text": unescape(one)}
        for one in without - whole
    ]


def names_in(*texts: str) -> set[str]:
    """The names of all merge fields in these texts, known or not."""
    return {found.group(1).lower() for text in texts for found in _PLACE.finditer(text)}


def places(text: Text) -> list[Place]:
    return [piece for piece in text if isinstance(piece, Place)]


def lacking(text: Text, values: Values) -> list[str]:
    """The names of the places that this recipient has neither a value nor a fallback for."""
    wanted = (one for one in places(text) if _found(one, values) is None)
    return list(dict.fromkeys(one.name for one in wanted))


def fill(text: Text, values: Values, quoted: Callable[[str], str] = str) -> str:
    """The text for one recipient. Raises ``KeyError`` for what is ``lacking``."""
    return "".join(
        piece if isinstance(piece, str) else WAYS.get(piece.way, quoted)(value_of(piece, values))
        for piece in text
    )


def value_of(place: Place, values: Values) -> str:
    """What stands there for one recipient, not yet quoted. Raises ``KeyError`` where there is nothing."""
    value = _found(place, values)
    if value is None:
        raise KeyError(place.name)
    return value


def _found(place: Place, values: Values) -> str | None:
    value = values.get(place.name)
    if place.way == "link":
        # A link that leads nowhere is none.
        value = value if value and WEB.fullmatch(value) else place.fallback
        return value or None
    return value or place.fallback


def needs_value(place: Place) -> bool:
    """Whether every recipient must have one."""
    return place.fallback is None or (place.way == "link" and not place.fallback)


def in_html(value: str) -> str:
    """A value between tags; its line breaks are kept."""
    return escape(value).replace("\n", "<br>")


def in_line(value: str) -> str:
    """A value in a line of its own, a subject: whatever would begin another line is a blank."""
    return " ".join(_CONTROL.sub(" ", value).split())


def _in_words(value: str) -> str:
    """In an attribute that people read."""
    return escape(in_line(value))


def _in_link(value: str) -> str:
    """The whole address of a link; only web addresses come so far."""
    return escape(quote(value, safe="/?#[]@!$&'()*+,;=:%~"))


def _in_part(value: str) -> str:
    """A part of an address of ours: it cannot end it, nor begin another part."""
    return quote(value, safe="")


def _in_number(value: str) -> str:
    """A telephone number or an e-mail address in a link."""
    return quote("".join(value.split()), safe="@+")


WAYS: Mapping[str, Callable[[str], str]] = {
    "words": _in_words,
    "link": _in_link,
    "part": _in_part,
    "number": _in_number,
}
