"""Rows of the log in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.models import Contact, StatusChange
from crm.audit.models import Action, Entry
from crm.privacy.words import TOLD
from crm.traces.asking import SOURCES
from crm.traces.log import Row
from deals.models import Deal
from settings.categories import Category
from settings.models import Removal

CARDS = {"contacts.contact": ("contacts:card", Contact), "deals.deal": ("deals:card", Deal)}
# What entries tell besides; others are shown as they are called.
DETAILS = {
    "path": gettext_lazy("page"),
    "method": gettext_lazy("method"),
    "rows": gettext_lazy("rows"),
    "count": gettext_lazy("number"),
    "number": gettext_lazy("number"),
    "total": gettext_lazy("number"),
    "filter": gettext_lazy("filter"),
    "sentence": gettext_lazy("selected"),
    "columns": gettext_lazy("columns"),
    "format": gettext_lazy("format"),
    "file": gettext_lazy("file"),
    "action": gettext_lazy("action"),
    "reason": gettext_lazy("reason"),
    "email": gettext_lazy("e-mail"),
    "username": gettext_lazy("user name"),
    "user": gettext_lazy("user"),
    "team": gettext_lazy("team"),
    "message": gettext_lazy("change"),
    "removed": gettext_lazy("removed"),
    "kept": gettext_lazy("kept"),
    "days": gettext_lazy("days"),
    "created": gettext_lazy("created"),
    "updated": gettext_lazy("updated"),
    "unchanged": gettext_lazy("unchanged"),
    "rejected": gettext_lazy("rejected"),
    "source": gettext_lazy("source"),
    "how": gettext_lazy("what happened"),
    "pipeline": gettext_lazy("pipeline"),
    "field": gettext_lazy("field"),
    "category": gettext_lazy("category"),
    "into": gettext_lazy("into"),
    "lost": gettext_lazy("lost by"),
    "until": gettext_lazy("until"),
    "status": gettext_lazy("answer"),
    "with": gettext_lazy("with"),
    "selected": gettext_lazy("selected"),
    "what": gettext_lazy("action"),
    "title": gettext_lazy("title"),
    "undo_of": gettext_lazy("undoes run"),
    "name": gettext_lazy("name"),
    "to": gettext_lazy("to"),
}
# What happened, where details tell it in a word of ours.
CODES = {
    "how": {
        **dict(Removal.How.choices),
        "created": gettext_lazy("created"),
        "undone": gettext_lazy("undone"),
        "trash_emptied": gettext_lazy("removed from the trash for good"),
        "quiet_kept": gettext_lazy("quiet customers kept"),
        "quiet_proposed_again": gettext_lazy("quiet customers proposed again"),
        "win_forgotten": gettext_lazy("kept win forgotten"),
    },
    "category": dict(Category.choices),
}
EMPTY = "–"


@dataclass
class Line:
    """A row of the log as the page shows it; ``url`` is empty where the record is gone, or has no page."""

    at: datetime
    who: str
    what: str
    source: str
    request_id: str = ""
    address: str = ""
    kind: str = ""
    name: str = ""
    url: str = ""
    cause: str = ""
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    details: list[tuple[str, str]] = field(default_factory=list)


def lines_of(rows: Iterable[Row]) -> list[Line]:
    """In as many statements as there are kinds of records with a page."""
    rows = list(rows)
    names = _names(rows)
    return [
        _of_entry(row.of, names) if isinstance(row.of, Entry) else _of_history(row.of, names)
        for row in rows
    ]


def _names(rows: Iterable[Row]) -> dict[str, dict[int, str]]:
    """Of the records that are there, by label and number."""
    wanted: dict[str, set[int]] = {label: set() for label in CARDS}
    for row in rows:
        label, pk = _record_of(row.of)
        if label in wanted and pk is not None:
            wanted[label].add(pk)
    return {
        label: dict(CARDS[label][1]._base_manager.filter(pk__in=ids).values_list("pk", "name"))
        if ids
        else {}
        for label, ids in wanted.items()
    }


def _record_of(row: Any) -> tuple[str, int | None]:
    if isinstance(row, Entry):
        return row.record, row.record_id
    if hasattr(row, "contact_id"):
        return "contacts.contact", row.contact_id
    return "deals.deal", row.deal_id


def _record(line: Line, row: Any, names: Mapping[str, Mapping[int, str]], stored: str) -> Line:
    label, pk = _record_of(row)
    model = _model(label)
    if model is None:
        line.name = stored
        return line
    line.kind = capfirst(str(model._meta.verbose_name))
    present = names.get(label, {}).get(pk or 0, "")
    # What it is called now is what a reader looks for; what it was called then, where it is gone.
    line.name = present or stored or (str(pk) if pk else "")
    if present:
        line.url = reverse(CARDS[label][0], args=[pk])
    return line


def _model(label: str) -> type[Model] | None:
    try:
        return apps.get_model(label) if label else None
    except (LookupError, ValueError):
        return None


def _of_history(row: Any, names: Mapping[str, Mapping[int, str]]) -> Line:
    who = str(row.actor) if row.actor else _("the system")
    if not isinstance(row, StatusChange):
        line = Line(row.recorded_at, who, row.get_kind_display(), "")
        line.changes = [(row.label, row.old or EMPTY, row.new or EMPTY)]
        return _record(line, row, names, "")
    line = Line(row.recorded_at, who, _("status changed"), source_in_words(row.source))
    line.request_id, line.address = row.request_id, row.address
    line.cause = row.get_cause_display()
    if row.deal_name:
        line.cause = f"{line.cause}: {row.deal_name}"
    line.changes = [(row.get_status_display(), row.old_label, row.new_label)]
    return _record(line, row, names, "")


def _of_entry(entry: Entry, names: Mapping[str, Mapping[int, str]]) -> Line:
    line = Line(
        entry.at,
        entry.actor_name or _("the system"),
        entry.get_action_display(),
        source_in_words(entry.source),
        entry.request_id,
        entry.address,
    )
    model = _model(entry.record)
    before, after = entry.before, entry.after
    for name in dict.fromkeys([*before, *after]):
        old, new = (in_words(model, name, side.get(name)) for side in (before, after))
        line.changes.append((name_in_words(model, name), old, new))
    said = TOLD if entry.action == Action.PERSON_ERASED else DETAILS
    line.details = [
        (str(said.get(name, name.replace("_", " "))), in_words(None, name, value))
        for name, value in entry.details.items()
        if value not in (None, "", [], {})
    ]
    return _record(line, entry, names, entry.record_name)


def source_in_words(source: str) -> str:
    return str(dict(SOURCES).get(source, source))


def name_in_words(model: type[Model] | None, name: str) -> str:
    """What a field is called, where it is one of the model."""
    try:
        found: Any = model._meta.get_field(name.removesuffix("_id")) if model else None
    except FieldDoesNotExist:
        found = None
    label = getattr(found, "verbose_name", None)
    return capfirst(str(label)) if label else name.replace("_", " ")


def in_words(model: type[Model] | None, name: str, value: Any) -> str:
    """A value of JSON as people read it; of a field with choices what the choice is called."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or value == "" or value == [] or value == {}:
        return EMPTY
    try:
        found: Any = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        found = None
    known: Any = getattr(found, "flatchoices", None) or CODES.get(name, ())
    choices = dict(known)
    if not isinstance(value, list | dict) and value in choices:
        return str(choices[value])
    if isinstance(value, list):
        return ", ".join(in_words(model, name, one) for one in value)
    if isinstance(value, dict):
        pairs = (
            f"{key.replace('_', ' ')} {in_words(None, key, one)}" for key, one in value.items()
        )
        return ", ".join(pairs)
    return number_format(value) if isinstance(value, int | float) else str(value)
