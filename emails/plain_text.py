"""Rich text as plain text: links behind their words, points with a dash, pictures as their words."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_RULE = "–" * 20
# As deep as lists and quotes within each other are told apart.
_DEEPEST = 8


def plain(html: str) -> str:
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
        # Where quotes begin; None for those too deep to be told apart.
        self._quotes: list[int | None] = []

    @property
    def text(self) -> str:
        return _tidied("".join(self._parts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in self.BLOCKS:
            # A list in a list is no paragraph of its own.
            self._parts.append("" if tag in ("ul", "ol") and self._numbers else "\n\n")
        if tag == "br":
            self._parts.append("\n")
        elif tag == "hr":
            self._parts.append(f"{_RULE}\n\n")
        elif tag in ("ul", "ol"):
            self._numbers.append(_number(given.get("start")) if tag == "ol" else None)
        elif tag == "li":
            begins_line = bool(self._parts) and self._parts[-1].endswith("\n")
            self._parts.append(("" if begins_line else "\n") + self._point())
        elif tag == "img":
            self._parts.append(given.get("alt") or "")
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self._parts)))
        elif tag == "blockquote":
            self._quotes.append(len(self._parts) if len(self._quotes) < _DEEPEST else None)

    def _point(self) -> str:
        # A space of no width would be stripped; lines keep what they are indented by.
        indent = "\u00a0\u00a0" * min(max(len(self._numbers) - 1, 0), _DEEPEST)
        if not self._numbers or self._numbers[-1] is None:
            return f"{indent}- "
        number = self._numbers[-1]
        self._numbers[-1] = number + 1
        return f"{indent}{number}. "

    def handle_endtag(self, tag: str) -> None:
        if tag == "blockquote" and self._quotes:
            self._end_quote()
        if tag in self.BLOCKS:
            self._parts.append("\n" if tag in ("ul", "ol") and len(self._numbers) > 1 else "\n\n")
        if tag in ("ul", "ol") and self._numbers:
            self._numbers.pop()
        elif tag == "a" and self._links:
            self._end_link()

    def _end_quote(self) -> None:
        begins = self._quotes.pop()
        if begins is None:
            return
        quoted = _tidied("".join(self._parts[begins:]))
        self._parts[begins:] = ["\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))]

    def _end_link(self) -> None:
        href, begins = self._links.pop()
        words = "".join(self._parts[begins:]).strip()
        bare = href.removeprefix("mailto:").removeprefix("tel:")
        if bare and bare != words:
            self._parts.append(f" ({bare})" if words else bare)

    def handle_data(self, data: str) -> None:
        self._parts.append(re.sub(r"[ \t\r\n\f]+", " ", data))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 1


def _tidied(text: str) -> str:
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip().replace("\u00a0", " ")
