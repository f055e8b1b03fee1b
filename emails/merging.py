"""Merge fields in a text: ``{{ first_name | "there" }}``, a name that is allowed and what stands where there is none.

A text is read once, into pieces; filling it in is joining strings. What is filled in is never read again, so that a
contact who is called ``{{ email }}`` stays called that. There is no expression, no attribute and no format in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape, unescape
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Word processors and telephones turn straight quotes into these.
_QUOTED = r'"([^"{}]*)"|“([^”{}]*)”|„([^“”{}]*)[“”]|«\s?([^»{}]*?)\s?»'
_PLACE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*(?:\|\s*(?:" + _QUOTED + r")\s*)?\}\}", re.I)
# What is left over looks like a merge field that was not written to its end.
_TORN = re.compile(r"\{\{.{0,60}|\}\}", re.S)
# Line breaks of every kind, and what else would tear a header or hide in it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


class Place(NamedTuple):
    """Where a value goes. Without a fallback, every recipient must have one."""

    name: str
    fallback: str | None = None

    def __str__(self) -> str:
        tail = "" if self.fallback is None else f' | "{self.fallback}"'
        return f"{{{{ {self.name}{tail} }}}}"


Text = Sequence[str | Place]
Values = Mapping[str, str]


def read(text: str, *, known: Collection[str], html: bool = False) -> list[str | Place]:
    """The pieces of ``text``, of ``html`` the places between its tags.

    Raises ``ValidationError``, one message for each name that is not ``known`` and each field that is torn.
    """
    pieces: list[str | Place] = []
    problems: list[str] = []
    end = 0
    for found in _PLACE.finditer(text):
        between = text[end : found.start()]
        problems += _torn(between)
        place = _place(found, html)
        if place.name not in known:
            problems.append(_("There is no merge field “%(name)s”.") % {"name": found.group(1)})
        pieces += [between, place] if between else [place]
        end = found.end()
    problems += _torn(text[end:])
    if problems:
        raise ValidationError(list(dict.fromkeys(problems)))
    return [*pieces, text[end:]] if text[end:] else pieces


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


def places(text: Text) -> list[Place]:
    return [piece for piece in text if isinstance(piece, Place)]


def lacking(text: Text, values: Values) -> list[str]:
    """The names of the places that this recipient has neither a value nor a fallback for."""
    wanted = (one for one in places(text) if not one.fallback and not values.get(one.name))
    return list(dict.fromkeys(one.name for one in wanted))


def fill(text: Text, values: Values, quoted: Callable[[str], str] = str) -> str:
    """The text for one recipient. Raises ``KeyError`` for what is ``lacking``."""
    return "".join(
        piece if isinstance(piece, str) else quoted(_value(piece, values)) for piece in text
    )


def _value(place: Place, values: Values) -> str:
    value = values.get(place.name) or place.fallback
    if not value:
        raise KeyError(place.name)
    return value


def in_html(value: str) -> str:
    """A value between tags; its line breaks are kept."""
    return escape(value).replace("\n", "<br>")


def in_line(value: str) -> str:
    """A value in a line of its own, a subject: whatever would begin another line is a blank."""
    return " ".join(_CONTROL.sub(" ", value).split())
