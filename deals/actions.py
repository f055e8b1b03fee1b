"""What can be done to many deals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.actions import SetFields, SetOwner
from crm.accounts.levels import Right
from crm.bulk import sql
from crm.bulk.actions import (
    BulkAction,
    Left,
    Outcome,
    as_text,
    done,
    edited_since,
    refused,
    register,
    unchanged,
)
from crm.bulk.models import BulkRun
from crm.changes import one_change
from deals.models import Deal, DealParty, LossReason, Stage, UnqualifiedReason
from deals.services.put_back import kept_wins, put_back_wins
from deals.services.required import missing_fields
from deals.stages import Category
from settings.catalogue import known_once


class DealAction(BulkAction):
    record = "deal"
    model = Deal

    def counted(self, number: int) -> str:
        text = ngettext("%(number)s deal", "%(number)s deals", number)
        return text % {"number": intcomma(number)}


@register
class SetDealOwner(SetOwner, DealAction):
    key = "deal.owner"


@register
class SetDealFields(SetFields, DealAction):
    key = "deal.set"
    settable = ("source", "estimated_close_date", "hot", "currency")


REASONS = {
    "loss_reason": (LossReason, Category.LOST),
    "unqualified_reason": (UnqualifiedReason, Category.UNQUALIFIED),
}
# What a move may change, and undoing it puts back.
MOVED = ("stage_id", "group", "opened_at", "closed_at", "stage_changed_at", "stage_changed_by_id",
         "loss_reason_id", "unqualified_reason_id", "company_id")  # fmt: skip
_MOMENTS = ("opened_at", "closed_at", "stage_changed_at")


@register
class MoveDeals(DealAction):
    """Moves deals to a stage: ``{"stage": id, "loss_reason": id or None, …}``; statuses follow."""

    key = "deal.stage"
    label = gettext_lazy("Stage")
    chunk = 500

    def check(self, params: Mapping[str, Any], user: Any) -> None:
        stage = self._stage(params)
        if stage.archived or stage.pipeline.archived:
            raise ValidationError(
                _("“%(stage)s” is archived, and takes no deals.") % {"stage": stage}
            )
        for name, (model, category) in REASONS.items():
            reason = params.get(name)
            if reason is None:
                continue
            if stage.category != category:
                raise ValidationError(
                    {
                        name: _("Only for the category “%(category)s”.")
                        % {"category": category.label}
                    }
                )
            if not model._default_manager.filter(pk=reason).exists():
                raise ValidationError({name: _("This reason does not exist any more.")})

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        stage = self._stage(run.params)
        reasons = {f"{name}_id": run.params[name] for name in REASONS if run.params.get(name)}
        with one_change():
            Deal.stored_states(ids)
            before = self._rows(ids)
            moving = [pk for pk, row in before.items() if row["stage_id"] != stage.pk]
            kept_out = self._lacking(moving, stage)
            moving = [pk for pk in moving if pk not in kept_out]
            parties = self._parties(moving)
            Deal.objects.filter(pk__in=moving).update(stage=stage, **reasons)
        # Settled by now: an active deal without a company may have got one.
        after = self._rows(moving)
        return [
            done(pk, as_text(before[pk] | parties.get(pk, {})), as_text(after[pk]))
            if pk in after
            else (refused(pk, kept_out[pk]) if pk in kept_out else unchanged(pk))
            for pk in ids
        ]

    def put_back(self, rows: Sequence[Left], run: BulkRun) -> list[Outcome]:
        was = {row.record_id: json.loads(row.before) for row in rows}
        outcomes, back = [], []
        with one_change() as change:
            Deal.stored_states(sorted(was))
            now = self._rows(was)
            groups = {stage.pk: stage.group for stage in Stage.objects.all()}
            parties = self._parties(was)
            for row in rows:
                pk = row.record_id
                after = {name: json.loads(row.after)[name] for name in MOVED}
                if as_text(now[pk]) != as_text(after):
                    outcomes.append(edited_since(pk))
                elif groups.get(was[pk]["stage_id"]) != was[pk]["group"]:
                    text = _("The stage it was in is gone, or means something else now.")
                    outcomes.append(refused(pk, text))
                else:
                    back.append(pk)
                    change.deals.add(pk)
                    change.groups_before.setdefault(pk, now[pk]["group"])
                    left = now[pk] | parties.get(pk, {})
                    outcomes.append(done(pk, as_text(left), row.before))
            if back:
                self._write(back, was)
        # Settling the move has cleared these, and knew of no kept wins.
        late = [[pk, _moment(at)] for deal in back for pk, at in was[deal].get("late", ())]
        if late:
            sql.write_values(DealParty, ["joined_at"], late)
        put_back_wins(
            (pk, contact, _moment(joined))
            for pk in back
            for contact, joined in was[pk].get("kept", ())
        )
        return outcomes

    def names(self, params: Mapping[str, Any]) -> dict[str, str]:
        return {"stage": self._stage(params).name}

    def labelled(self, params: Mapping[str, Any]) -> str:
        return _("Stage: %(stage)s") % {"stage": self.named(params, "stage")}

    def said(self, run: BulkRun) -> str:
        values = {"records": self.counted(run.done), "stage": self.named(run.params, "stage")}
        return _("%(records)s moved to %(stage)s") % values

    def _stage(self, params: Mapping[str, Any]) -> Stage:
        stage = Stage.objects.filter(pk=params.get("stage") or 0).first()
        if stage is None:
            raise ValidationError({"stage": _("This stage does not exist any more.")})
        return stage

    def _lacking(self, ids: Sequence[int], stage: Stage) -> dict[int, str]:
        """Which of these deals lack fields that the stage requires, with these named."""
        with known_once():
            missing = missing_fields(ids, stage)
        return {
            pk: _("It lacks what the stage “%(stage)s” requires: %(fields)s.")
            % {"stage": stage.name, "fields": ", ".join(field.name for field in fields)}
            for pk, fields in missing.items()
            if fields
        }

    def _rows(self, ids: Any) -> dict[int, dict[str, Any]]:
        rows = Deal.objects.filter(pk__in=list(ids)).order_by().values("pk", *MOVED)
        return {row.pop("pk"): row for row in rows}

    def _parties(self, ids: Any) -> dict[int, dict[str, Any]]:
        """What moving takes from parties: the wins they keep, and when they joined late."""
        found: dict[int, dict[str, Any]] = {}
        for deal, contact, joined in kept_wins(deals=ids) if ids else ():
            found.setdefault(deal, {}).setdefault("kept", []).append([contact, joined])
        late = DealParty.objects.filter(deal__in=list(ids), kept=False, joined_at__isnull=False)
        for pk, deal, joined in late.order_by("pk").values_list("pk", "deal_id", "joined_at"):
            found.setdefault(deal, {}).setdefault("late", []).append([pk, joined])
        return found

    def _write(self, ids: Sequence[int], was: Mapping[int, dict[str, Any]]) -> None:
        now, gone = timezone.now(), _gone([was[pk] for pk in ids])
        values = []
        for pk in ids:
            row = {name: None if (name, was[pk][name]) in gone else was[pk][name] for name in MOVED}
            row |= {name: _moment(row[name]) for name in _MOMENTS}
            values.append([pk, *row.values(), now])
        sql.write_values(Deal, [*MOVED, "updated_at"], values)


def _gone(rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, int]]:
    """Of what these rows refer to and may do without, what does not exist any more."""
    gone = set()
    for name in ("stage_changed_by_id", "loss_reason_id", "unqualified_reason_id"):
        model = Deal._meta.get_field(name).related_model
        wanted = {row[name] for row in rows if row[name] is not None}
        present = model._default_manager.filter(pk__in=wanted).order_by()  # type: ignore[union-attr]
        gone |= {(name, pk) for pk in wanted - set(present.values_list("pk", flat=True))}
    return gone


def _moment(text: str | None) -> Any:
    return parse_datetime(text) if text else None


@register
class DeleteDeals(DealAction):
    """Into the trash; the statuses of everybody they counted for follow."""

    key = "deal.delete"
    label = gettext_lazy("Delete")
    chunk = 200
    undoable = False
    needs = Right.DELETE_MANY

    def act(self, ids: Sequence[int], run: BulkRun) -> list[Outcome]:
        Deal.objects.filter(pk__in=ids).delete()
        return [done(pk) for pk in ids]

    def said(self, run: BulkRun) -> str:
        return _("%(records)s in the trash now") % {"records": self.counted(run.done)}
