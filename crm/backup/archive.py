"""The file of a backup: a zip with a manifest, a file of lines for each table, and the media files.

    manifest.json              what is in it, with the SHA-256 of each part
    tables/NAME.jsonl          a JSON list for each row, in the order of ``columns``
    media/PATH                 files that people uploaded or exported

Whoever opens one believes nothing of it: names, sizes and hashes are checked before a row is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from django.core.exceptions import ValidationError

FORMAT, VERSION = "standing-backup", 1
MANIFEST = "manifest.json"
MANIFEST_AT_MOST = 64 * 1024 * 1024
LINE_AT_MOST = 256 * 1024 * 1024
PIECE = 1024 * 1024
# Rows are text, which shrinks to a tenth even at the quickest setting.
LEVEL = 2
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


def bad(path: Path | str, what: str, remedy: str = "") -> ValidationError:
    remedy = remedy or "Take another backup, or copy this one again from where it was made."
    return ValidationError(f"{Path(path).name} cannot be restored: {what}. {remedy}")


@dataclass(frozen=True)
class Part:
    """A file in an archive."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class TablePart(Part):
    name: str
    columns: list[str]
    rows: int
    # The highest number ever given to a row of it; None where nobody counts.
    last_id: int | None

    @property
    def entry(self) -> str:
        return f"tables/{self.name}.jsonl"


@dataclass(frozen=True)
class MediaPart(Part):
    path: str

    @property
    def entry(self) -> str:
        return f"media/{self.path}"


@dataclass
class Manifest:
    product: str
    made_at: str
    database: str
    migrations: list[tuple[str, str]]
    tables: list[TablePart] = field(default_factory=list)
    media: list[MediaPart] = field(default_factory=list)
    format: str = FORMAT
    version: int = VERSION

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def parts(self) -> list[TablePart | MediaPart]:
        return [*self.tables, *self.media]


# -- writing


class Archive:
    """An archive that is being written."""

    def __init__(self, file: BinaryIO, manifest: Manifest) -> None:
        self.manifest = manifest
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)

    def add(self, entry: str, pieces: Iterable[bytes]) -> tuple[int, int, str]:
        """Write a part; how many pieces, how many bytes, their SHA-256."""
        number = size = 0
        digest = hashlib.sha256()
        with self._zip.open(entry, "w", force_zip64=True) as part:
            for piece in pieces:
                number += 1
                size += len(piece)
                digest.update(piece)
                part.write(piece)
        return number, size, digest.hexdigest()

    def close(self) -> None:
        text = json.dumps(asdict(self.manifest), ensure_ascii=False, indent=1)
        self._zip.writestr(MANIFEST, text)
        self._zip.close()

    def abandon(self) -> None:
        """Write nothing more, also not when it is forgotten."""
        self._zip.fp = None


@contextmanager
def new_archive(path: Path, manifest: Manifest) -> Iterator[Archive]:
    """An archive that is at ``path`` only once it is whole; readable by its owner alone."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            archive = Archive(file, manifest)
            try:
                yield archive
            except BaseException:
                archive.abandon()
                raise
            archive.close()
            file.flush()
            # The name must not be there after a power cut without what it stands for.
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


# -- reading


class OpenArchive:
    """An archive to restore from. ``check`` before using anything of it but the manifest."""

    def __init__(self, path: Path, zipped: zipfile.ZipFile) -> None:
        self.path = path
        self._zip = zipped
        self._entries = self._known_names()
        self.manifest = self._read_manifest()

    def _known_names(self) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            if info.filename in entries:
                raise bad(self.path, f"it holds “{info.filename}” twice")
            if stat.S_ISLNK(info.external_attr >> 16) or not _is_plain(info.filename):
                raise bad(self.path, f"“{info.filename}” is no name that a backup holds")
            entries[info.filename] = info
        return entries

    def _read_manifest(self) -> Manifest:
        foreign = "it is no backup of Standing (it has no readable manifest.json)"
        info = self._entries.get(MANIFEST)
        if info is None or info.file_size > MANIFEST_AT_MOST:
            raise bad(self.path, foreign)
        try:
            given = json.loads(self._zip.read(MANIFEST))
            if given["format"] != FORMAT:
                raise bad(self.path, foreign)
            if given["version"] > VERSION:
                raise bad(
                    self.path,
                    "a newer Standing made it, whose archives this one does not know",
                    "Restore it with that version or a later one.",
                )
            return _manifest(given)
        except BROKEN as error:
            raise bad(self.path, f"it is damaged ({error})") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise bad(self.path, foreign) from error

    def check(self) -> None:
        """Read all of it once: raises ``ValidationError`` unless each part is what the manifest says."""
        expected = {part.entry for part in self.manifest.parts} | {MANIFEST}
        if len(expected) != len(self.manifest.parts) + 1:
            raise bad(self.path, "its manifest names a part twice")
        if more := sorted(self._entries.keys() - expected):
            raise bad(self.path, f"it holds “{more[0]}”, which its manifest does not name")
        if less := sorted(expected - self._entries.keys()):
            raise bad(self.path, f"“{less[0]}” is missing in it")
        for part in self.manifest.parts:
            self._check_part(part)

    def _check_part(self, part: TablePart | MediaPart) -> None:
        if self._entries[part.entry].file_size != part.bytes:
            raise bad(self.path, f"“{part.entry}” is not as long as its manifest says")
        digest = hashlib.sha256()
        lines = 0
        with self._part(part.entry) as file:
            for piece in pieces_of(file):
                digest.update(piece)
                lines += piece.count(b"\n")
        if digest.hexdigest() != part.sha256:
            raise bad(self.path, f"“{part.entry}” is not what was backed up (its SHA-256 differs)")
        if isinstance(part, TablePart) and lines != part.rows:
            raise bad(self.path, f"“{part.entry}” has {lines} rows and not {part.rows}")

    def lines(self, table: TablePart) -> Iterator[bytes]:
        with self._part(table.entry) as file:
            while line := file.readline(LINE_AT_MOST):
                yield line

    def pieces(self, media: MediaPart) -> Iterator[bytes]:
        with self._part(media.entry) as file:
            yield from pieces_of(file)

    @contextmanager
    def _part(self, entry: str) -> Iterator[IO[bytes]]:
        try:
            with self._zip.open(entry) as file:
                yield file
        except BROKEN as error:
            raise bad(self.path, f"“{entry}” in it is damaged ({error})") from error


@contextmanager
def opened(path: Path) -> Iterator[OpenArchive]:
    """The archive at ``path``; raises ``ValidationError`` for what is none."""
    if not path.is_file():
        raise ValidationError(f"There is no file {path}. Give the path of a backup.")
    try:
        zipped = zipfile.ZipFile(path)
    except BROKEN as error:
        raise bad(path, f"it is no complete archive ({error})") from error
    with zipped:
        yield OpenArchive(path, zipped)


def _is_plain(name: str) -> bool:
    """Whether a name stays in the folder it is unpacked into, on every system."""
    parts = PurePosixPath(name).parts
    return (
        name.isprintable()
        and not re.search(r"[\\:]|^/|/$|//", name)
        and bool(parts)
        and not {".", ".."} & set(name.split("/"))
        and (name == MANIFEST or (parts[0] in ("tables", "media") and len(parts) > 1))
    )


def _manifest(given: dict[str, Any]) -> Manifest:
    """The manifest that a file holds; raises ValueError, KeyError or TypeError for any other shape."""
    tables = [
        TablePart(
            **_part(one),
            name=_text(one["name"]),
            columns=[_text(column) for column in one["columns"]],
            rows=_number(one["rows"]),
            last_id=None if one["last_id"] is None else _number(one["last_id"]),
        )
        for one in given["tables"]
    ]
    media = [MediaPart(**_part(one), path=_text(one["path"])) for one in given["media"]]
    return Manifest(
        product=_text(given["product"]),
        made_at=_text(given["made_at"]),
        database=_text(given["database"]),
        migrations=[(_text(app), _text(name)) for app, name in given["migrations"]],
        tables=tables,
        media=media,
    )


def _part(given: dict[str, Any]) -> dict[str, Any]:
    return {"bytes": _number(given["bytes"]), "sha256": _text(given["sha256"])}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(value)
    return value
