"""The translation catalogues: compiled without gettext's tools, and compared with what the sources say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import polib
from django.conf import settings

LANGUAGES = ("en", "de", "fr")
# The source language: an empty translation there means “as written”.
SOURCE_LANGUAGE = "en"
IGNORED = (".venv", "var", "tests", "benchmarks", "node_modules")
# French counts nothing as one thing. Two forms are enough for each of these languages.
FORMS = 2
PLURALS = {
    "en": "nplurals=2; plural=(n != 1);",
    "de": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
}
PLACEHOLDER = re.compile(
    r"%\(\w+\)[#0\- +]?\d*(?:\.\d+)?[diouxXeEfFgGcrs]|%[diouxXeEfFgGcrs]|\{\w*\}"
)


def catalogue(language: str, root: Path | None = None) -> Path:
    return (root or settings.BASE_DIR) / "locale" / language / "LC_MESSAGES" / "django.po"


def compile_all(*, force: bool = False) -> list[str]:
    """Writes the .mo file of each language whose catalogue is newer; the languages it wrote."""
    written = []
    for language in LANGUAGES:
        source = catalogue(language)
        target = source.with_suffix(".mo")
        if not source.exists() or (
            not force and target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns
        ):
            continue
        # Renamed into place: another process may be loading the old file this moment.
        part = target.with_suffix(f".{os.getpid()}.part")
        polib.pofile(str(source)).save_as_mofile(str(part))
        part.replace(target)
        written.append(language)
    return written


def make_messages(root: Path) -> None:
    """Brings the catalogues under `root` up to date with its sources. Needs gettext's tools."""

    command = [sys.executable, "-m", "django", "makemessages", "--no-obsolete", "--no-wrap"]
    command += ["--add-location", "file"]
    for language in LANGUAGES:
        write_header(language, root)
        command += ["--locale", language]
    for name in IGNORED:
        command += ["--ignore", f"{name}/*"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "crm.settings", "PYTHONPATH": str(root)}
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    for language in LANGUAGES:
        write_header(language, root)


def write_header(language: str, root: Path) -> None:
    """Keeps the head of a catalogue the same from run to run: no dates, which would conflict in every merge."""
    path = catalogue(language, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = polib.pofile(str(path), wrapwidth=0) if path.exists() else polib.POFile(wrapwidth=0)
    entries.header = "Translations of Standing, under the same licence."
    entries.metadata_is_fuzzy = False
    entries.metadata = {
        "Project-Id-Version": "Standing",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURALS[language],
    }
    entries.save(str(path))


@dataclass
class Problems:
    """What is wrong with one language's catalogue, each entry by its message."""

    missing: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    untranslated: list[str] = field(default_factory=list)
    fuzzy: list[str] = field(default_factory=list)
    placeholders: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(vars(self).values())


def key(entry: polib.POEntry) -> tuple[str, str, str]:
    return (entry.msgctxt or "", entry.msgid, entry.msgid_plural or "")


def inspect(language: str) -> Problems:
    """What is wrong within the catalogue itself; needs no tools."""
    problems = Problems()
    for entry in polib.pofile(str(catalogue(language))):
        if entry.obsolete:
            continue
        if entry.fuzzy:
            problems.fuzzy.append(entry.msgid)
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if not all(texts) or (entry.msgid_plural and len(texts) < FORMS):
            if language != SOURCE_LANGUAGE:
                problems.untranslated.append(entry.msgid)
            continue
        # A plural may leave the number out (“one contact”), but may not bring in a name nobody fills.
        wanted = set(PLACEHOLDER.findall(entry.msgid + (entry.msgid_plural or "")))
        for text in texts:
            used = set(PLACEHOLDER.findall(text))
            if used - wanted or (
                not entry.msgid_plural and wanted - used and "python-brace-format" in entry.flags
            ):
                problems.placeholders.append(entry.msgid)
                break
            if not entry.msgid_plural and "python-format" in entry.flags and used != wanted:
                problems.placeholders.append(entry.msgid)
                break
    return problems


def compare_with_sources() -> dict[str, Problems]:
    """For each language what the sources say and the catalogue does not, and the reverse. Needs gettext's tools."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(
            settings.BASE_DIR,
            copy,
            ignore=shutil.ignore_patterns(
                *IGNORED, ".git", "*.mo", "*.sqlite3", "vendor", "__pycache__", ".*_cache"
            ),
        )
        make_messages(copy)
        found = {}
        for language in LANGUAGES:
            path = catalogue(language)
            have = (
                {key(e): e for e in polib.pofile(str(path)) if not e.obsolete}
                if path.exists()
                else {}
            )
            want = {
                key(e): e for e in polib.pofile(str(catalogue(language, copy))) if not e.obsolete
            }
            found[language] = Problems(
                missing=sorted(entry.msgid for k, entry in want.items() if k not in have),
                left_over=sorted(entry.msgid for k, entry in have.items() if k not in want),
            )
    return found
