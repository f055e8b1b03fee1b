"""Making a backup, while the product runs."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tomllib import loads
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection as usual

from crm.audit.models import Action
from crm.audit.services import record
from crm.backup.archive import Archive, Manifest, TablePart, new_archive
from crm.backup.media import add_files
from crm.backup.stores import standing_still
from crm.backup.tables import Schema, Table


def product_version() -> str:
    try:
        return version("standing")
    except PackageNotFoundError:
        # Run from its source, as it usually is.
        text = Path(settings.BASE_DIR, "pyproject.toml").read_text()
        return str(loads(text)["project"]["version"])


def make_backup(path: Path) -> Manifest:
    """Write all data of the product and its files to ``path``, as they are at one moment.

    Other people go on reading and writing. Raises ``ValidationError`` when there is a file already, or when the
    database had migrations that this version does not know.
    """
    if path.exists():
        raise ValidationError(f"{path} is there already. Give another name, or move it away.")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with standing_still(usual) as still:
            manifest = write_archive(path, still)
    except OSError as error:
        raise ValidationError(
            f"{path} cannot be written ({error.strerror or error}). Give a path with room in it."
        ) from error
    record(
        Action.BACKED_UP, file=path.name, rows=manifest.rows, files=len(manifest.media)
    )  # fmt: skip
    return manifest


def write_archive(path: Path, still: Any, *, media: bool = True) -> Manifest:
    """Write what a connection shows; nobody may write through it meanwhile."""
    schema = Schema(still)
    if schema.unknown:
        app, name = schema.unknown[0]
        raise ValidationError(
            f"The database had the migration {app}.{name}, which this version of Standing does not "
            "know. Make the backup with the version that runs on it."
        )
    manifest = Manifest(
        product=product_version(),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        database=still.vendor,
        migrations=sorted(schema.nodes),
    )
    with new_archive(path, manifest) as archive:
        for table in schema.kept:
            manifest.tables.append(_add_table(archive, table, still))
        if media:
            add_files(archive)
    return manifest


def _add_table(archive: Archive, table: Table, still: Any) -> TablePart:
    entry = f"tables/{table.name}.jsonl"
    rows, size, digest = archive.add(entry, table.lines(still))
    return TablePart(
        name=table.name,
        columns=table.columns,
        rows=rows,
        bytes=size,
        sha256=digest,
        # Asked after the rows: numbers given since do no harm, one given twice would.
        last_id=table.last_id(still),
    )
