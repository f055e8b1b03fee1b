"""Through which views take a record: what one may not see is not there, what one may not change is refused."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404

from crm.accounts.access import level_of
from crm.accounts.levels import Area, Level


def visible_or_404(records: Any, user: Any, pk: Any) -> Any:
    """The one with this key of ``records``, a model or a queryset of it; ``Http404`` where ``user`` does not see it."""
    found = _rows(records).visible_to(user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def editable_or_refuse(records: Any, user: Any, pk: Any) -> Any:
    """The one with this key of ``records``, a model or a queryset of it such as one that locks its rows.

    ``Http404`` where ``user`` does not see it, as if it did not exist; ``PermissionDenied`` where they see it and may
    not change it. One statement where they may.
    """
    found = _rows(records).editable_by(user).filter(pk=pk).first()
    if found is None:
        if not _plain(records).visible_to(user).filter(pk=pk).exists():
            raise Http404
        raise PermissionDenied
    return found


def may_edit(record: Model, user: Any) -> bool:
    """Whether ``user`` may change a stored record; a statement, and none for who may change all of its kind."""
    rows = _plain(type(record)).editable_by(user)
    return not rows.query.where or bool(rows.filter(pk=record.pk).exists())


def sees_all(user: Any, *areas: Area) -> bool:
    """Whether there is nothing in these areas that ``user`` may not see. No statement."""
    return all(level_of(user, area, "view") == Level.ALL for area in areas)


def _rows(records: Any) -> Any:
    return records if isinstance(records, QuerySet) else _plain(records)


def _plain(records: Any) -> Any:
    model = records.model if isinstance(records, QuerySet) else records
    return model._default_manager.all()
