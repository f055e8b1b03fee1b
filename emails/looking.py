"""Looking through what is written: its links, pictures and subject.

Nothing is fetched: an address that anybody may write into a mail would make this server ask whatever it names, also in
its own network. Whether a link leads somewhere, the test mail shows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import idna
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from emails import problems
from emails.addresses import sendable
from emails.merging import names_in
from emails.models import Image
from emails.problems import Problem
from emails.rendering import PICTURE

# As many letters as a telephone shows of a subject, and a bit.
SUBJECT_AT_MOST = 70
PICTURE_HEAVY, PICTURES_HEAVY = 400_000, 1_000_000
# Gmail cuts a mail off behind 102 KB of HTML.
HTML_HEAVY = 90_000
_WORD = re.compile(r"\w+")
_ADDRESS_LIKE = re.compile(
    r"(?:https?://)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:[:/?#]\S*)?", re.I
)
_REPLY = re.compile(r"\s*(?:re|fwd?|aw|wg|tr)\s*:", re.I)


@dataclass(frozen=True)
class Link:
    href: str
    words: str
    # Words of a picture in it count as its own.
    has_words: bool


@dataclass
class Written:
    """What stands in rich text."""

    links: list[Link]
    pictures: list[str]
    without_words: int
    text: str

    @classmethod
    def of(cls, html: str) -> Written:
        reader = _Reader()
        reader.feed(html)
        reader.close()
        return cls(reader.links, reader.pictures, reader.without_words, "".join(reader.text))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self.pictures: list[str] = []
        self.without_words = 0
        self.text: list[str] = []
        self._open: list[tuple[str, int, int]] = []
        self._alts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._open.append((given.get("href", "").strip(), len(self.text), self._alts))
        elif tag == "img":
            self.pictures.append(given.get("src", ""))
            has_words = bool(given.get("alt", "").strip())
            self.without_words += not has_words
            self._alts += has_words

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open:
            href, begins, alts = self._open.pop()
            words = " ".join("".join(self.text[begins:]).split())
            self.links.append(Link(href, words, bool(words) or self._alts > alts))
        self.text.append(" ")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


# -- links


def wrong_with_links(links: Sequence[Link], link_fields: Collection[str]) -> Iterator[Problem]:
    """``link_fields`` are the merge fields that are web addresses."""
    for link in dict.fromkeys(links):
        yield from _wrong_with(link, link_fields)


def _wrong_with(link: Link, link_fields: Collection[str]) -> Iterator[Problem]:
    called = link.words or link.href or _("without words")
    where = _("Link “%(words)s”") % {"words": called[:60]}
    if not link.has_words:
        yield Problem(
            code="link_without_words",
            what=_("The link has no words: nobody sees it."),
            mend=_("Write what it leads to, or remove it."),
            where=where,
            blocks=False,
        )
    fields = names_in(link.href)
    if fields and link.href.startswith("{{"):
        yield from _wrong_field(fields, link_fields, where)
        return
    if broken := _broken(link.href):
        yield Problem(code="broken_link", what=broken[0], mend=broken[1], where=where)
        return
    yield from _doubtful(link, where)


def _wrong_field(
    fields: Collection[str], link_fields: Collection[str], where: str
) -> Iterator[Problem]:
    for name in sorted(set(fields) - set(link_fields)):
        yield Problem(
            code="link_field",
            what=_("“%(name)s” is no web address, so that nothing can lead there.")
            % {"name": name},
            mend=_("Choose a field that holds web addresses, or write the address out."),
            where=where,
        )


def _broken(href: str) -> tuple[str, str] | None:
    """What is wrong with it and how it is mended; None where it is an address."""
    whole = _("Write the whole address, such as https://example.com/offer.")
    if not href:
        return _("The link leads nowhere."), whole
    try:
        parts = urlsplit(href)
        host = parts.hostname or ""
        _port = parts.port
    except ValueError:
        return _("“%(address)s” is no address.") % {"address": href[:80]}, whole
    scheme = parts.scheme.lower()
    if scheme in ("mailto", "tel"):
        return _broken_contact(scheme, parts.path)
    if scheme not in ("http", "https"):
        if scheme and not re.match(r"[\w.-]+:\d+(/|$)", href):
            return _("Mails cannot lead to “%(address)s”.") % {"address": href[:80]}, whole
        return (
            _("“%(address)s” begins with no https://: in a mail it leads nowhere.")
            % {"address": href[:80]},
            whole,
        )
    if re.search(r"[\s<>\"\\^`]", _without_fields(href)) or not _is_host(host):
        return _("“%(address)s” is no web address.") % {"address": href[:80]}, whole
    return None


def _broken_contact(scheme: str, path: str) -> tuple[str, str] | None:
    if names_in(path):
        return None
    if scheme == "mailto":
        if path and all(sendable(one) for one in unquote(path).split(",")):
            return None
        return (
            _("“%(address)s” is no e-mail address.") % {"address": path[:80]},
            _("Write it as name@example.com."),
        )
    if re.search(r"\d", path):
        return None
    return _("“%(address)s” is no number.") % {"address": path[:80]}, _("Write the number.")


def _without_fields(href: str) -> str:
    return re.sub(r"\{\{.*?\}\}", "", href)


def _is_host(host: str) -> bool:
    try:
        return all(host.removesuffix(".").split(".")) and bool(idna.encode(host, uts46=True))
    except idna.IDNAError:
        # With an underscore, or an address in numbers of the sixth version.
        return bool(re.fullmatch(r"[a-z0-9_.-]+|[0-9a-f:.]+", host))


def _doubtful(link: Link, where: str) -> Iterator[Problem]:
    parts = urlsplit(link.href)
    host = (parts.hostname or "").removeprefix("www.")
    if parts.scheme.lower() == "http":
        yield Problem(
            code="link_http",
            what=_("The link is not encrypted."),
            mend=_("Begin it with https:// if the site knows it; most do."),
            where=where,
            blocks=False,
        )
    if parts.scheme.lower() in ("http", "https") and _is_inside(host):
        yield Problem(
            code="link_inside",
            what=_("“%(host)s” is known in your own network only.") % {"host": host},
            mend=_("Link to a page that everybody reaches."),
            where=where,
            blocks=False,
        )
    shown = _ADDRESS_LIKE.fullmatch(link.words.rstrip("/"))
    if shown and host and not _same_site(link.words, host):
        yield Problem(
            code="link_disguised",
            what=_("The words name another address than the one that it leads to, %(host)s.")
            % {"host": host},
            mend=_("Let the words say what is there. Filters take such links for fraud."),
            where=where,
            blocks=False,
        )


def _is_inside(host: str) -> bool:
    ends = (".local", ".localhost", ".internal", ".lan", ".test")
    return "." not in host or host.endswith(ends) or bool(re.fullmatch(r"[\d.]+", host))


def _same_site(words: str, host: str) -> bool:
    shown = urlsplit(words if "://" in words else f"//{words}").hostname or ""
    shown = shown.removeprefix("www.")
    return shown == host or host.endswith(f".{shown}") or shown.endswith(f".{host}")


# -- pictures


def wrong_with_pictures(written: Written, html: str) -> Iterator[Problem]:
    where = _("Pictures")
    keys = [found.group(2) for one in written.pictures if (found := PICTURE.fullmatch(one))]
    sizes = dict(Image.objects.filter(key__in=keys).values_list("key", "size")) if keys else {}
    if gone := len(written.pictures) - sum(key in sizes for key in keys):
        yield Problem(
            code="picture_gone",
            what=ngettext(
                "A picture is not there any more.",
                "%(number)d pictures are not there any more.",
                gone,
            )
            % {"number": gone},
            mend=_("Upload it anew, or remove it."),
            where=where,
        )
    if written.without_words:
        yield Problem(
            code="picture_without_words",
            what=ngettext(
                "A picture has no description.",
                "%(number)d pictures have no description.",
                written.without_words,
            )
            % {"number": written.without_words},
            mend=_("Say in a few words what it shows, for those who do not see it or load none."),
            where=where,
            blocks=False,
        )
    yield from _heavy(sizes, where)
    if len(html.encode()) > HTML_HEAVY:
        yield Problem(
            code="text_heavy",
            what=_("The text is so long that Gmail cuts it off, and the way out with it."),
            mend=_("Say less, and link to the rest."),
            where=problems.text(),
            blocks=False,
        )
    if written.pictures and len(_WORD.findall(written.text)) < 10:
        yield Problem(
            code="only_pictures",
            what=_("There is hardly any text beside the pictures."),
            mend=_(
                "Write what matters as text: many see no pictures, and filters mistrust such mails."
            ),
            where=problems.text(),
            blocks=False,
        )


def _heavy(sizes: dict[str, int], where: str) -> Iterator[Problem]:
    heavy = [size for size in sizes.values() if size > PICTURE_HEAVY]
    total = sum(sizes.values())
    if not heavy and total <= PICTURES_HEAVY:
        return
    yield Problem(
        code="pictures_heavy",
        what=_("The pictures have %(size)s together; each recipient fetches all of it.")
        % {"size": filesizeformat(total)},
        mend=_("Use fewer or smaller ones: %(size)s each is plenty. Photos are smallest as JPEG.")
        % {"size": filesizeformat(PICTURE_HEAVY)},
        where=where,
        blocks=False,
    )


# -- subject


def wrong_with_subject(subject: str) -> Iterator[Problem]:
    if not subject.strip():
        yield Problem(
            code="no_subject",
            what=_("The mail has no subject."),
            mend=_("Say in a line what it is about."),
            where=problems.subject(),
        )
        return
    for code, what, mend in _doubts_about(subject):
        yield Problem(code=code, what=what, mend=mend, where=problems.subject(), blocks=False)


def _doubts_about(subject: str) -> Iterator[tuple[str, str, str]]:
    plain = re.sub(r"\{\{.*?\}\}", "", subject)
    letters = [one for one in plain if one.isalpha()]
    if len(plain) > SUBJECT_AT_MOST:
        yield (
            "subject_long",
            _("The subject has %(number)d letters: most mail programs cut it off.")
            % {"number": len(plain)},
            _("Say what matters in the first %(number)d.") % {"number": SUBJECT_AT_MOST - 20},
        )
    capitals = sum(one.isupper() for one in letters)
    if (len(letters) >= 8 and capitals > 0.7 * len(letters)) or re.search(
        r"[!?]{2}|[!$€]{3}", plain
    ):
        yield (
            "subject_shouts",
            _("The subject shouts: filters for unwanted mail look for that."),
            _("Write it in small letters and with one mark at its end."),
        )
    if _REPLY.match(plain):
        yield (
            "subject_reply",
            _("The subject looks like an answer to somebody who never wrote."),
            _("Leave “Re:” or “Fwd:” out; the law of some countries forbids it."),
        )
