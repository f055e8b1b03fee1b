"""Actions that set the same values in many records, and put each record's own back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.bulk import sql
from crm.bulk.actions import (
    BulkAction,
    Left,
    Outcome,
    as_text,
    done,
    edited_since,
    refused,
    unchanged,
)
from crm.bulk.among import among
from crm.bulk.models import BulkRun
from crm.changes import one_change

Row = tuple[Any, ...]


class SetValues(BulkAction):
    """Sets columns that statuses do not rest on. ``updated_at`` moves with them, as in a form."""

    chunk = 5_000
    # Further columns that ``refusal`` looks at.
    looks_at: ClassVar[Sequence[str]] = ()

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The values to set by column (``owner_id``, not ``owner``), as JSON holds them."""
        raise NotImplementedError

    def refusal(self, record: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        """Why a record, its ``looks_at`` columns, may not have these values; empty if it may."""
        return ""

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        values = self.values(run.params)
        names = sorted(values)
        after = as_text([values[name] for name in names])
        outcomes, changing = [], []
        # The same few texts again and again: most records share what they had before.
        texts: dict[Row, str] = {}
        with one_change():
            for pk, looked_at, row in self._locked(ids, names):
                before = texts.get(row)
                if before is None:
                    before = texts[row] = as_text(list(row))
                if before == after:
                    outcomes.append(unchanged(pk))
                elif looked_at and (reason := self.refusal(looked_at, values)):
                    outcomes.append(refused(pk, reason))
                else:
                    changing.append(pk)
                    outcomes.append(done(pk, before, after))
            rows = self.model._default_manager.filter(among(changing))
            rows.update(**values, updated_at=timezone.now())
        return outcomes

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        names = sorted(self.values(run.params))
        outcomes, back = [], []
        with one_change():
            now = {
                pk: as_text(list(row)) for pk, _at, row in self._locked([r[0] for r in rows], names)
            }
            lacking = self._lacking(names, rows)
            for left in rows:
                pk, current = left.record_id, now[left.record_id]
                if current == left.before:
                    outcomes.append(unchanged(pk))
                elif current != left.after:
                    outcomes.append(edited_since(pk))
                elif left.before in lacking:
                    outcomes.append(refused(pk, _("What it had before does not exist any more.")))
                else:
                    back.append([pk, *json.loads(left.before), timezone.now()])
                    outcomes.append(done(pk, current, left.before))
            if back:
                sql.write_values(self.model, [*names, "updated_at"], back)
        return outcomes

    def _locked(
        self, ids: Sequence[int], names: Sequence[str]
    ) -> Iterable[tuple[int, dict[str, Any], Row]]:
        """Records, locked in the order of their ids: what refusals look at, and the values."""
        rows = self.model._default_manager.filter(among(ids)).order_by("pk")
        locked = rows.select_for_update(no_key=True)
        first = 1 + len(self.looks_at)
        for row in locked.values_list("pk", *self.looks_at, *names):
            looked_at = dict(zip(self.looks_at, row[1:first], strict=True)) if first > 1 else {}
            yield row[0], looked_at, row[first:]

    def _lacking(self, names: Sequence[str], rows: Sequence[Left]) -> set[str]:
        """Of the texts ``before`` of ``rows`` those that name a record which is gone."""
        texts = {left.before for left in rows}
        lacking: set[str] = set()
        for place, name in enumerate(names):
            field = self.model._meta.get_field(name)
            if isinstance(field, models.ForeignKey):
                targets = {text: json.loads(text)[place] for text in texts}
                wanted = {target for target in targets.values() if target is not None}
                present = field.related_model._default_manager.filter(pk__in=wanted)  # type: ignore[union-attr]
                gone = wanted - set(present.order_by().values_list("pk", flat=True))
                lacking |= {text for text, target in targets.items() if target in gone}
        return lacking
