"""Giving the contact that survived a merge its own fields, marks and dates back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from contacts.models import Contact, StatusChange
from contacts.statuses import StatusKind
from crm.changes import Change
from deals.services.pictures import STATUSES, Picture, Row

MARK = ("mark", "marked_at", "marked_by_id", "mark_had_deal")


class SurvivorBefore:
    """The survivor as it was: what nobody edited since gets its old value back.

    What was edited stays, and is added to ``told``.
    """

    def __init__(
        self, change: Change, survivor_id: int, data: dict[str, Any], now: Picture
    ) -> None:
        self.change = change
        self.survivor_id = survivor_id
        self.contacts: dict[str, Row] = data["contacts"]
        self.now = now["contacts"]
        self.differing: Row = self.contacts.get(str(survivor_id), {})
        self.told: list[str] = []

    def _is_unedited(self, name: str) -> bool:
        return bool(self.now[str(self.survivor_id)][name] == self.differing[name][1])

    def give_back(self) -> None:
        self._give_back_fields()
        for kind in StatusKind:
            self._give_back_mark(kind)

    def _give_back_fields(self) -> None:
        marks = {f"{kind}_{name}" for kind in StatusKind.values for name in MARK}
        left_out = {*marks, *STATUSES, "updated_at"}
        survivor = Contact.objects.get(pk=self.survivor_id)
        if not survivor.is_organization:
            # It follows from first and last name.
            left_out.add("name")
        changed, edited = [], []
        for name in self.differing.keys() - left_out:
            field: models.Field = Contact._meta.get_field(name)  # type: ignore[assignment]
            value = field.to_python(self.differing[name][0])
            if self._is_unedited(name) and _is_there(field, value):
                setattr(survivor, field.attname, value)
                changed.append(field)
            else:
                edited.append(str(field.verbose_name))
        if changed:
            self._save(survivor, changed)
        if edited:
            self.told.append(
                _("Edited since in %(survivor)s, and left so: %(fields)s.")
                % {"survivor": survivor.name, "fields": ", ".join(sorted(edited))}
            )

    def _save(self, survivor: Contact, fields: list[models.Field]) -> None:
        survivor.clean()
        survivor.validate_constraints()
        survivor.save(update_fields=[field.name for field in fields])
        # Nobody saved it since: it is the version again that it was.
        if "updated_at" in self.differing and self._is_unedited("updated_at"):
            as_before = parse_datetime(self.differing["updated_at"][0])
            Contact.objects.filter(pk=survivor.pk).update(updated_at=as_before)

    def _give_back_mark(self, kind: StatusKind) -> None:
        names = [f"{kind.value}_{name}" for name in MARK]
        differing = [name for name in names if name in self.differing]
        if not differing:
            return
        if not all(map(self._is_unedited, differing)):
            self.told.append(
                _("The %(status)s was selected since; the selection stays.")
                % {"status": str(kind.label)}
            )
            return
        stored = self.now[str(self.survivor_id)]
        marks = {name.removesuffix("_id"): stored[name] for name in names}
        for name in differing:
            field = Contact._meta.get_field(name)
            value = field.to_python(self.differing[name][0])  # type: ignore[union-attr]
            marks[name.removesuffix("_id")] = value if _is_there(field, value) else None
        marked_at = marks[f"{kind.value}_marked_at"]
        if isinstance(marked_at, str):
            marks[f"{kind.value}_marked_at"] = parse_datetime(marked_at)
        self.change.marks.setdefault(self.survivor_id, {}).update(marks)

    def date_statuses(self, rows: Iterable[StatusChange]) -> None:
        """Date statuses as before the merge where nothing but the merge had changed them."""
        written = {(row.contact_id, row.status): row for row in rows}
        for (contact_id, kind), row in written.items():
            before = self.contacts.get(str(contact_id), {})
            status, since = before.get(f"{kind}_status"), before.get(f"{kind}_since")
            if status is None or since is None or row.new != status[0]:
                continue
            if self.now[str(contact_id)][f"{kind}_since"] != since[1]:
                continue
            moment = parse_datetime(since[0]) if since[0] else None
            # A plain queryset: the guarded one writes no dates, which follow from the changes.
            contact: models.QuerySet[Contact] = models.QuerySet(Contact).filter(pk=contact_id)
            contact.update(**{f"{kind}_since": moment})
            if moment is not None:
                StatusChange.objects.filter(pk=row.pk).update(effective_at=moment)


def _is_there(field: Any, value: Any) -> bool:
    """Whether what a field refers to still exists; true of every other value."""
    if value is None or not isinstance(field, models.ForeignKey):
        return True
    return bool(field.related_model._default_manager.filter(pk=value).exists())  # type: ignore[union-attr]
