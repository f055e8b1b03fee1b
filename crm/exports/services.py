"""Taking a selection along: at once when it is small, else as a run in the background."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.audit import services as audit
from crm.audit.models import Action
from crm.bulk import services as bulk
from crm.bulk.actions import action_of
from crm.bulk.models import BulkRun
from crm.exports.columns import ExportColumn, Sheet
from crm.exports.fields import Exports
from crm.exports.formats import Encoder, Format, check_size, format_of
from crm.lists.registry import Context

# So many are taken along in the request that asks for them.
AT_ONCE = 5_000
CHUNK = 2_000
ADDRESSES_AT_MOST = 200


@dataclass(frozen=True)
class Wanted:
    """What is taken along: columns by name, the format, and what the file is of."""

    format: Format
    names: Sequence[str]
    title: str

    def params(self) -> dict[str, Any]:
        """For the record of it, and for whoever works it off later."""
        return {"format": self.format.key, "columns": list(self.names), "title": self.title}

    @classmethod
    def of(cls, params: Any) -> Wanted:
        return cls(format_of(params["format"]), params["columns"], params.get("title", ""))

    def file_name(self) -> str:
        stem = slugify(self.title, allow_unicode=True)[:80] or "export"
        if self.format.key != self.format.ending:
            # Two kinds of CSV beside the usual one.
            stem += f"-{self.format.key}"
        return f"{stem}-{timezone.localdate():%Y-%m-%d}.{self.format.ending}"

    def sheet(self, exports: Exports, user: Any) -> Sheet:
        """The columns as this user reads them, in the language and time zone of now."""
        context = Context.of(user)
        return Sheet(
            self._columns(exports, context),
            self.format.for_people,
            timezone.get_current_timezone(),
            self.title,
        )

    def _columns(self, exports: Exports, context: Context) -> Sequence[ExportColumn]:
        if self.format.key != "mailchimp":
            return exports.columns(self.names, context)
        if exports.mailchimp is None:
            raise ValidationError(_("Only contacts can be taken to Mailchimp."))
        return exports.mailchimp()


def pieces(rows: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while piece := list(islice(iterator, size)):
        yield piece


def encoded(queryset: QuerySet, encoder: Encoder, *, header: bool = True) -> Iterator[bytes]:
    """The rows of ``queryset`` as an encoder writes them, piece by piece; the header at once."""
    if header:
        yield encoder.header()
    rows = encoder.sheet.values(queryset).iterator(chunk_size=CHUNK)
    for piece in pieces(rows):
        yield encoder.encode(piece)


def streamed(queryset: QuerySet, encoder: Encoder) -> Iterator[bytes]:
    """`encoded`, for a response: its pieces are made when the request is over, in its language and time zone."""
    language, zone = translation.get_language() or "en", timezone.get_current_timezone()
    written = encoded(queryset, encoder)
    while True:
        with translation.override(language), timezone.override(zone):
            piece = next(written, None)
        if piece is None:
            return
        yield piece


def whole_file(queryset: QuerySet, encoder: Encoder) -> BinaryIO:
    """The complete file of ``queryset``, in a place that is gone when it is closed."""
    part = tempfile.TemporaryFile()  # noqa: SIM115
    for piece in encoded(queryset, encoder):
        part.write(piece)
    file = encoder.complete(part)
    if file is not part:
        part.close()
    file.seek(0)
    return file


@transaction.atomic
def record_export(
    exports: Exports, wanted: Wanted, *, user: Any, count: int, sentence: str
) -> BulkRun:
    """Write down that ``user`` took ``count`` rows along at once; as a run, like those in the background."""
    now = timezone.now()
    run = BulkRun.objects.create(
        action=exports.action,
        record=exports.record,
        user=user,
        params=wanted.params(),
        sentence=sentence,
        language=translation.get_language() or "en",
        state=BulkRun.State.DONE,
        total=count,
        at=count,
        done=count,
        started_at=now,
        finished_at=now,
        token=f"export-{secrets.token_urlsafe(24)}",
    )
    details = action_of(exports.action).for_audit(run)
    audit.record(Action.EXPORTED, run, actor=user, **details, count=count)
    return run


def check_export(exports: Exports, wanted: Wanted, count: int) -> None:
    """Raises ``ValidationError`` for what there is no file of."""
    if not count:
        raise ValidationError(_("There is nothing to take along: no row matches any more."))
    if wanted.format.key == "mailchimp" and exports.mailchimp is None:
        raise ValidationError(_("Only contacts can be taken to Mailchimp."))
    check_size(wanted.format, count)


def start_export(
    exports: Exports,
    wanted: Wanted,
    *,
    user: Any,
    selection: QuerySet,
    count: int,
    sentence: str,
    token: str,
    origin: str = "",
) -> BulkRun:
    """Start writing the file in the background. Raises ``ValidationError`` if the rows are others by now."""
    return bulk.start(
        action_of(exports.action),
        user=user,
        params=wanted.params(),
        selection=selection,
        expected=count,
        token=token,
        sentence=sentence,
        origin=origin,
        at_once=0,
    )


# -- addresses


@dataclass(frozen=True)
class Addresses:
    """E-mail addresses of a selection, each once; ``lacking`` is how many rows have none."""

    named: list[str]
    plain: list[str]
    lacking: int

    @property
    def named_text(self) -> str:
        return "\n".join(self.named)

    @property
    def plain_text(self) -> str:
        return "\n".join(self.plain)


def addresses_of(exports: Exports, selection: QuerySet) -> Addresses:
    """The addresses of at most 200 rows. Raises ``ValidationError`` for more."""
    if exports.addresses is None:
        raise ValidationError(_("Only contacts have e-mail addresses."))
    rows = list(selection.values_list(*exports.addresses)[: ADDRESSES_AT_MOST + 1])
    if len(rows) > ADDRESSES_AT_MOST:
        raise ValidationError(
            _(
                "Addresses are copied of at most %(number)d contacts at once. Choose fewer, or export them."
            )
            % {"number": ADDRESSES_AT_MOST}
        )
    found: dict[str, tuple[str, str]] = {}
    for name, address in rows:
        if address:
            found.setdefault(address.casefold(), (name, address))
    return Addresses(
        [named_address(name, address) for name, address in found.values()],
        [address for _name, address in found.values()],
        sum(not address for _name, address in rows),
    )


def named_address(name: str, address: str) -> str:
    """As mail programs take it: “Ada Lovelace <ada@example.org>”, the name in quotation marks where it has to be."""
    name = " ".join(name.split())
    if not name:
        return address
    if any(char in '()<>[]:;@\\,."' for char in name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{address}>"
