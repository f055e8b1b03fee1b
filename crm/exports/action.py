"""Writing a file in the background: an action on many records that changes none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.levels import Right
from crm.audit.models import Action
from crm.bulk.actions import BulkAction, Outcome, done, refused
from crm.bulk.among import among
from crm.bulk.models import BulkRun
from crm.exports.fields import exports_of
from crm.exports.formats import format_of
from crm.exports.parts import Part
from crm.exports.services import CHUNK, Wanted

SIZE = "bytes"


class ExportAction(BulkAction):
    """Base of the exports of each record type; ``counted`` is theirs.

    Each chunk is looked up anew, as the user of the run may see it then, and written behind the one before it.
    """

    label = gettext_lazy("Export")
    chunk = 2 * CHUNK
    undoable = False
    needs = Right.EXPORT
    audited_as = Action.EXPORTED
    rights = "visible_to"
    in_list_order = True
    keeps_rows = False

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        format_of(str(params.get("format", "")))

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        if not exports_of(self.record).has(self._wanted(run).names):
            # The rows behind it would have other columns.
            raise ValidationError(_("A column of the file was removed meanwhile. Export again."))
        part = self._part(run)
        visible = self.model._default_manager.visible_to(run.user)  # type: ignore[attr-defined]
        values = part.encoder.sheet.values(visible.filter(among(ids)).order_by(), "pk")
        rows = {row[0]: row[1:] for row in values}
        content = part.encoder.encode([rows[pk] for pk in ids if pk in rows])
        # With the counters of the chunk, in its transaction.
        self._keep_size(run, part.append(content))
        gone = _("It is not there any more.")
        return [done(pk) if pk in rows else refused(pk, gone) for pk in ids]

    def for_audit(self, run: BulkRun) -> dict[str, Any]:
        return super().for_audit(run) | self._wanted(run).params()

    def finish(self, run: BulkRun) -> None:
        part = self._part(run)
        name = run.file.field.generate_filename(
            run, f"export-{run.pk}.{self._wanted(run).format.ending}"
        )
        storage = run.file.storage
        # Of a worker that died here.
        storage.delete(name)
        with part.complete() as file:
            stored = storage.save(name, File(file))
        file_name = self._wanted(run).file_name()
        BulkRun.objects.filter(pk=run.pk).update(file=stored, file_name=file_name)
        self._parts.pop(run.pk, None)
        part.remove()

    # -- in words

    def told(self, run: BulkRun) -> str:
        return _("%(counted)s exported.") % {"counted": self.counted(run.done)}

    def summary(self, run: BulkRun) -> str:
        label = self._wanted(run).format.label
        return _("Export as %(format)s") % {"format": label}

    # -- the part

    def _wanted(self, run: BulkRun) -> Wanted:
        return Wanted.of(run.params)

    def _part(self, run: BulkRun) -> Part:
        """The part as far as it counts. The one at hand may have more: its last chunk was taken back."""
        size = run.params.get(SIZE, 0)
        part = self._parts.pop(run.pk, None)
        if part is None or part.size != size or not size:
            if part:
                part.close()
            wanted = self._wanted(run)
            sheet = wanted.sheet(exports_of(self.record), run.user)
            part = Part(run.pk, wanted.format.encoder(sheet), size)
        # Of runs that were paused or cancelled nobody says so here; few are open at a time.
        while len(self._parts) > 4:
            self._parts.pop(next(iter(self._parts))).close()
        self._parts[run.pk] = part
        return part

    def _keep_size(self, run: BulkRun, size: int) -> None:
        run.params[SIZE] = size
        BulkRun.objects.filter(pk=run.pk).update(params=run.params)
