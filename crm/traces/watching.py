"""Writes settings, and what the administration writes, down in the audit log.

By the signals of their models, so that whoever changes a setting, pages, commands or the administration, is noted.
What is written past signals notes itself (`deals.services.pipelines`).
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import DELETION, LogEntry
from django.db.models import Field, Model
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from crm.audit.models import Action
from crm.audit.services import about, record
from crm.trash.services import plain
from deals.models import (
    DealSource,
    LossReason,
    MergeRecord,
    Pipeline,
    Stage,
    UnqualifiedReason,
)
from emails.models import MailSettings, Sender
from settings.models import Account, Currency, CustomField, Option, Removal, Tag

WATCHED: list[type[Model]] = [
    Account,
    Currency,
    CustomField,
    DealSource,
    LossReason,
    MailSettings,
    Option,
    Pipeline,
    Sender,
    Stage,
    Tag,
    UnqualifiedReason,
]
# Counted, computed, or moved with every neighbour.
PASSED_OVER = {
    "id", "key", "position", "created_at", "created_by", "updated_at", "deleted_at", "checked_at", "check_results",
}  # fmt: skip
# Of these there are entries of the product itself, which tell more.
TOLD_ELSEWHERE = {model._meta.label_lower for model in WATCHED}
DELETED_ELSEWHERE = {"contacts.contact", "deals.deal"}
FLAGS = {1: Action.CREATED, 2: Action.CHANGED, DELETION: Action.DELETED}


def _fields(model: type[Model]) -> list[Field[Any, Any]]:
    return [one for one in model._meta.concrete_fields if one.name not in PASSED_OVER]


def _values(instance: Model) -> dict[str, Any]:
    return {one.name: plain(getattr(instance, one.attname)) for one in _fields(type(instance))}


def _about(instance: Any) -> dict[str, Any]:
    """What it belongs to, in words: the same name may be in each pipeline."""
    if isinstance(instance, Stage):
        return {"pipeline": instance.pipeline.name}
    return {"field": instance.field.name} if isinstance(instance, Option) else {}


def before_saving(instance: Any, raw: bool, **kwargs: Any) -> None:
    stored = (
        None
        if raw or not instance.pk
        else type(instance)._base_manager.filter(pk=instance.pk).first()
    )
    instance._stored_before = _values(stored) if stored else None


def after_saving(
    instance: Any, created: bool, raw: bool, update_fields: Any = None, **kwargs: Any
) -> None:
    before = instance.__dict__.pop("_stored_before", None)
    # A twin that is made to keep what a converted field had was never there for anybody.
    if raw or (getattr(instance, "deleted_at", None) is not None and created):
        return
    now = _values(instance)
    if created or before is None:
        filled = {name: value for name, value in now.items() if value not in ("", None, False)}
        record(Action.SETTING_CHANGED, instance, after=filled, how="created", **_about(instance))
        return
    written = {name for name in now if update_fields is None or name in update_fields}
    changed = [name for name in written if now[name] != before[name]]
    if changed:
        record(
            Action.SETTING_CHANGED,
            instance,
            before={name: before[name] for name in sorted(changed)},
            after={name: now[name] for name in sorted(changed)},
            **_about(instance),
        )


def after_deleting(instance: Any, **kwargs: Any) -> None:
    # The end of what was removed long ago was told then.
    if getattr(instance, "deleted_at", None) is None:
        before = {
            name: value for name, value in _values(instance).items() if value not in ("", None)
        }
        record(Action.SETTING_CHANGED, instance, before=before, how="deleted")


def watch() -> None:
    for model in WATCHED:
        uid = f"audit-{model._meta.label_lower}"
        pre_save.connect(before_saving, sender=model, dispatch_uid=uid)
        post_save.connect(after_saving, sender=model, dispatch_uid=uid)
        post_delete.connect(after_deleting, sender=model, dispatch_uid=uid)


@receiver(post_save, sender=Removal, dispatch_uid="audit-removal")
def label_removed(
    instance: Removal, created: bool, raw: bool, update_fields: Any = None, **kwargs: Any
) -> None:
    if raw:
        return
    # Only what is moved as it stands is saved once; other removals are saved again with their numbers.
    is_moved = instance.how == Removal.How.MOVED and instance.into_id is None
    if update_fields and "undone_at" in update_fields:
        record(Action.SETTING_CHANGED, instance, how="undone", category=instance.category)
    elif not update_fields and created == is_moved:
        record(
            Action.SETTING_CHANGED,
            instance,
            how=instance.how,
            category=instance.category,
            into=instance.into_name,
            kept=instance.kept,
            lost=instance.lost,
        )


@receiver(post_save, sender=MergeRecord, dispatch_uid="audit-merge")
def merged_or_parted(
    instance: MergeRecord, created: bool, raw: bool, update_fields: Any = None, **kwargs: Any
) -> None:
    """Told of the survivor; the contact that is gone, or back, is named beside it."""
    parted = bool(update_fields and "undone_at" in update_fields)
    if raw or not (created or parted):
        return
    action = Action.UNMERGED if parted else Action.MERGED
    other = {"with": instance.merged_name, "number": instance.merged_id}
    about("contacts.contact", instance.survivor_id, instance.survivor_name, action, **other).save()


@receiver(post_save, sender=LogEntry, dispatch_uid="audit-back-office")
def written_in_the_back_office(instance: LogEntry, raw: bool, **kwargs: Any) -> None:
    kind = instance.content_type
    label = f"{kind.app_label}.{kind.model}" if kind else ""
    told = label in DELETED_ELSEWHERE and instance.action_flag == DELETION
    if raw or told or label in TOLD_ELSEWHERE:
        return
    number = str(instance.object_id or "")
    pk = int(number) if number.isascii() and number.isdigit() else None
    one = about(
        label,
        pk,
        instance.object_repr,
        FLAGS[instance.action_flag],
        actor=instance.user,
        message=instance.get_change_message(),
    )
    one.source = "admin"
    one.save()
