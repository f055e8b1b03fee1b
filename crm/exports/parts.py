"""The file of a run while it is being written: gone on with after a worker was killed, as if nothing had been.

How many bytes count is kept with the run, in the transaction that counts the rows of them. What a killed worker wrote
beyond that is cut off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm.exports.formats import Encoder


def folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "exports"


def part_path(run_id: int) -> Path:
    return folder() / f"{run_id}.part"


class Part:
    """The part of run ``run_id`` of which ``size`` bytes count, and the encoder that goes on with it.

    Raises ``ValidationError`` when some of these bytes are missing.
    """

    def __init__(self, run_id: int, encoder: Encoder, size: int) -> None:
        self.encoder = encoder
        self.path = part_path(run_id)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nobody else on the machine is to read it.
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(handle, "r+b")
        if self.path.stat().st_size < size:
            self.close()
            raise ValidationError(_("What was written so far is not there any more. Export again."))
        self._file.truncate(size)
        self.size = size
        if size:
            encoder.go_on(self._file)
        else:
            self._write(encoder.header())

    def append(self, content: bytes) -> int:
        """Returns how many bytes count once what is being done is committed."""
        self._write(content)
        self._file.flush()
        # Before the commit that counts them: a machine that goes down must not lose what it said it had.
        os.fsync(self._file.fileno())
        return self.size

    def _write(self, content: bytes) -> None:
        self._file.seek(self.size)
        self._file.write(content)
        self.size += len(content)

    def complete(self) -> BinaryIO:
        """The file, at its beginning."""
        self._file.flush()
        file = self.encoder.complete(self._file)
        file.seek(0)
        return file

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)
