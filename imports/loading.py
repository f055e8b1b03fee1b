"""One load while it runs: what all its files share, and reading them batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.suppression.services import asker
from deals.models import Pipeline, Stage
from deals.stages import GROUP_OF
from imports import bulk
from imports.cells import BadCell, shortened
from imports.directory import Directory, users_by_word
from imports.exported import RECORDS, ExportedFile, fitting
from imports.fields import Entity
from imports.label_names import with_labels
from imports.mapping import Mapping, Section, StageWord
from imports.models import ImportedRecord
from imports.reading import CsvFile, Row
from imports.report import Counts, MendedFile, Reject, Report
from imports.rows import BadRow

BATCH = 5_000
IMPORTED = ["source", "kind", "key", "record_id", "digest"]

# Called with the file's name, bytes read and its size.
Progress = Callable[[str, int, int], None]


class LoadedStage(NamedTuple):
    id: int
    group: str


class Selection(NamedTuple):
    """A status from a file that is to be selected once the deals are counted."""

    contact_id: int
    status: str
    value: str
    at: datetime
    kind: str
    key: str
    column: str
    file: CsvFile
    row: Row


class Loading:
    """What the files of one load share."""

    def __init__(
        self,
        folder: Path,
        mapping: Mapping,
        *,
        actor_id: int | None = None,
        mended: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.folder = folder
        self.mended = mended
        self.mapping = mapping
        self.actor_id = actor_id
        self.progress = progress
        self.now = timezone.now()
        self.report = Report(mapping.source, self.now)
        self.directory = Directory(
            mapping.source,
            by_name=mapping.refers_by("name"),
            by_email=mapping.refers_by("email"),
        )
        self.users = users_by_word()
        self.is_suppressed = asker()
        self.stored = bulk.moment_store()
        self.selections: list[Selection] = []
        self.stages, self.stage_by_id = _stages(mapping)
        # Rows by their key, to tell the second row with it.
        self.seen: dict[str, dict[str, int]] = {kind: {} for kind in ImportedRecord.Kind.values}
        # Who was put on which deal, as (deal, contact).
        self.linked: set[tuple[int, int]] = set()
        # Of deals that this load creates.
        self.star_of: dict[int, int] = {}
        # Of people whose row this load has taken.
        self.company_of: dict[int, int | None] = {}

    # -- what cells may mean

    def user(self, text: str) -> int | None:
        found = self.users.get(text.casefold())
        if found is None:
            self.report.unmatched_owners[text] += 1
        return found

    def stage(self, text: str) -> LoadedStage:
        stage = self.stages.get(text.casefold())
        if stage is None:
            raise BadCell(
                _("the stage “%(text)s” is not in [pipeline.stages] of the mapping")
                % {"text": shortened(text)}
            )
        return stage

    # -- reading

    def open(self, section: Section) -> CsvFile:
        if self.mended:
            columns = section.key if section.exported else section.columns()
            return MendedFile(self.mended, section.file, columns=columns)
        if section.exported:
            return ExportedFile(
                self.folder / section.file,
                RECORDS[section.entity],
                encoding=section.encoding,
                delimiter=section.delimiter,
                skip=section.skip,
            )
        return CsvFile(
            self.folder / section.file,
            columns=section.columns(),
            encoding=section.encoding,
            delimiter=section.delimiter,
            skip=section.skip,
        )

    def begin(self, section: Section) -> tuple[Section, CsvFile]:
        """The file of a section, and the section as it fits the file."""
        file = self.open(section)
        fitted = fitting(section, file) if section.exported else section
        return with_labels(fitted, file.header), file

    def take_rows(
        self,
        section: Section,
        file: CsvFile,
        take: Callable[[Row], None],
        flush: Callable[[], None],
    ) -> None:
        """``take`` each row of ``file``; what it refuses as a ``BadRow`` goes to the rejects."""
        for row in self.rows(section, file, flush):
            try:
                take(row)
            except BadRow as problem:
                self.counts(section.entity).rejected += 1
                self.reject(file, row, problem.column, problem.reason)

    def rows(self, section: Section, file: CsvFile, flush: Callable[[], None]) -> Iterator[Row]:
        """The rows that can be read; calls ``flush`` every so many, and at the end."""
        counts = self.counts(section.entity)
        for count, row in enumerate(self._meant(section, file), start=1):
            if row.problem:
                counts.rejected += 1
                self.reject(file, row, "", row.problem)
            else:
                yield row
            counts.read += 1
            if not count % BATCH:
                flush()
                if self.progress:
                    self.progress(section.file, file.position, file.size)
        flush()
        if self.progress:
            self.progress(section.file, file.size, file.size)

    def _meant(self, section: Section, file: CsvFile) -> Iterator[Row]:
        """The rows of a section; one that cannot be read is every section's."""
        if section.only is None:
            yield from file.rows()
            return
        column, value = section.only
        place = file.header.index(column)
        for row in file.rows():
            if len(row.cells) <= place or row.cells[place].strip() == value:
                yield row

    def counts(self, entity: Entity) -> Counts:
        return self.report.counts[entity]

    def reject(self, file: CsvFile, row: Row, column: str, reason: str) -> None:
        self.report.rejects.append(
            Reject(file.name, row.number, column, reason, file.header, row.cells)
        )

    # -- keys

    def check_key(self, kind: str, key: str, row: Row) -> str:
        """What is wrong with the key of a row, empty if nothing is; notes the row under it."""
        if not key:
            return _("has no key, by which it could be known again")
        if len(key) > 255:
            return _("its key is longer than 255 characters")
        seen = self.seen[kind]
        if key in seen:
            return _("has the same key as row %(row)d") % {"row": seen[key]}
        seen[key] = row.number
        return ""

    def remember(self, kind: str, rows: list[tuple[str, int, str]]) -> None:
        """Remember new records: key, id and digest of each."""
        bulk.insert(
            ImportedRecord,
            IMPORTED,
            [(self.mapping.source, kind, key, pk, digest) for key, pk, digest in rows],
        )
        self.directory.ids[kind].update((key, pk) for key, pk, _digest in rows)

    def remember_digests(self, kind: str, rows: list[tuple[str, str]]) -> None:
        """Remember what changed rows say now: digest and key of each."""
        bulk.run_many(
            "UPDATE imports_importedrecord SET digest = %s WHERE source = %s AND kind = %s "
            "AND key = %s",
            [(digest, self.mapping.source, kind, key) for digest, key in rows],
        )

    def is_bereft(self, kind: str, key: str) -> bool:
        """Whether this was loaded before and somebody has deleted it since."""
        known = self.directory.known[kind].get(key)
        return known is not None and not known.exists


def digest_of(values: list[Any]) -> str:
    return blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _stages(mapping: Mapping) -> tuple[dict[str, LoadedStage], dict[int, Stage]]:
    """The stage of each word, by the word casefolded and by id; those that lack are created."""
    if not mapping.stages:
        return {}, {}
    pipeline = _pipeline(mapping.pipeline)
    present = {stage.name.casefold(): stage for stage in pipeline.stages.all()}
    last = pipeline.stages.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    stages = {}
    for word in mapping.stages:
        stage = present.get(word.name.casefold())
        if stage is None:
            stage = Stage.objects.create(
                pipeline=pipeline,
                name=word.name,
                category=word.category,
                position=position,
                likelihood=word.likelihood,
            )
            position += 1
            present[word.name.casefold()] = stage
        elif stage.category != word.category:
            raise _other_category(pipeline, stage, word)
        stages[word.word.casefold()] = LoadedStage(stage.pk, GROUP_OF[stage.category])
    return stages, {stage.pk: stage for stage in present.values()}


def _pipeline(name: str) -> Pipeline:
    """The pipeline of that name, or the default one; made where there is none."""
    default = Pipeline.objects.filter(is_default=True).first()
    found = Pipeline.objects.filter(name=name).first() if name else default
    return found or Pipeline.objects.create(name=name or _("Sales"), is_default=default is None)


def _other_category(pipeline: Pipeline, stage: Stage, word: StageWord) -> ValidationError:
    return ValidationError(
        _(
            "The pipeline “%(pipeline)s” has a stage “%(stage)s” of the category %(there)s, the "
            "mapping says %(said)s. Mend the mapping, or give the stage another name in it."
        )
        % {
            "pipeline": pipeline,
            "stage": stage,
            "there": stage.category,
            "said": word.category,
        }
    )
