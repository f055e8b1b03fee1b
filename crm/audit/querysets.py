"""Entries are added and read; nothing else is offered."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models


class AppendOnlyError(TypeError):
    """Somebody tried to write what may only be added to."""


def refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise AppendOnlyError("The audit log is only ever added to; see crm.audit.gate.")


class EntryQuerySet(models.QuerySet):
    update = refuse
    bulk_update = refuse
    delete = refuse
    update_or_create = refuse
    _raw_delete = refuse

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("update_conflicts") or kwargs.get("ignore_conflicts"):
            refuse()
        return super().bulk_create(objs, *args, **kwargs)
