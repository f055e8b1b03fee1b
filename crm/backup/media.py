"""Files that people uploaded or exported, out of their folder and back into it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from crm.backup.archive import Archive, MediaPart, OpenArchive, pieces_of
from crm.backup.stores import owned_like

# Folders in the folder of media that hold what a restore exchanges.
ASIDE = ".restore-"


def files() -> Iterator[Path]:
    root = Path(settings.MEDIA_ROOT)
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(ASIDE))
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def add_files(archive: Archive) -> None:
    root = Path(settings.MEDIA_ROOT)
    for path in files():
        try:
            file = path.open("rb")
        except FileNotFoundError:
            # Removed since the folder was read, by whoever takes away old exports.
            continue
        with file:
            part = MediaPart(path=path.relative_to(root).as_posix(), bytes=0, sha256="")
            _number, size, digest = archive.add(part.entry, pieces_of(file))
        archive.manifest.media.append(MediaPart(path=part.path, bytes=size, sha256=digest))


@contextmanager
def unpacked(archive: OpenArchive) -> Iterator[Path]:
    """A folder beside the media with the files of ``archive``, gone at the end unless it was taken."""
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Inside: the folder may be a volume of its own, and only within one can names be exchanged.
    folder = root / f"{ASIDE}{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    try:
        for media in archive.manifest.media:
            target = folder / media.path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                for piece in archive.pieces(media):
                    file.write(piece)
        for made in [folder, *folder.rglob("*")]:
            owned_like(made, root)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def exchanged(folder: Path) -> Iterator[None]:
    """The media are those of ``folder``; if the block fails, again those that were there."""
    root = Path(settings.MEDIA_ROOT)
    before = root / f"{ASIDE}{secrets.token_hex(4)}"
    before.mkdir(mode=0o700)
    done: list[tuple[Path, Path]] = []
    try:
        _move(root, before, done)
        _move(folder, root, done)
        yield
    except BaseException:
        for old, new in reversed(done):
            new.rename(old)
        raise
    finally:
        shutil.rmtree(before, ignore_errors=True)


def _move(source: Path, target: Path, done: list[tuple[Path, Path]]) -> None:
    for path in list(source.iterdir()):
        if not path.name.startswith(ASIDE):
            path.rename(target / path.name)
            done.append((path, target / path.name))
