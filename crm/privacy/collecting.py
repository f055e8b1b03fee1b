"""All that the product holds of a person, as a file of JSON and a page to read."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.staticfiles import finders
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Field, ForeignKey, Model
from django.db.models.fields.files import FieldFile
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from crm.audit.models import Action
from crm.audit.services import about
from crm.changes import one_change
from crm.privacy.holdings import HOLDINGS, NOT_TOLD, Holding
from crm.privacy.subjects import Subject
from crm.trash.services import plain

# What a foreign key leads to, said beside its number.
NAMED = "_name"


@dataclass(frozen=True)
class Part:
    """The rows of one holding: as JSON has them, and as pairs of words for readers."""

    holding: Holding
    rows: list[dict[str, Any]]
    read: list[list[tuple[str, str]]]


def collect(subject: Subject) -> list[Part]:
    """Every part, empty ones too, so that it is seen that nothing is held there."""
    teller = _Teller()
    found = []
    for holding in HOLDINGS:
        rows = list(holding.rows(subject))
        fields = told_of(holding.model)
        data = [teller.row(row, fields) for row in rows]
        found.append(Part(holding, data, [teller.read(row, fields) for row in rows]))
    return found


def told_of(model: type[Model]) -> list[Field]:
    """The columns that an export tells of a model: all but what ``NOT_TOLD`` names."""
    left_out = NOT_TOLD.get(model._meta.label_lower, {})
    return [one for one in model._meta.concrete_fields if one.name not in left_out]


class _Teller:
    """Tells rows, and looks up what they lead to once each."""

    def __init__(self) -> None:
        self.names: dict[tuple[Any, Any], str] = {}

    def row(self, row: Model, fields: list[Field]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for one in fields:
            value = getattr(row, one.attname)
            if isinstance(value, FieldFile):
                value = value.name
            found[one.attname] = list(value) if isinstance(value, tuple) else plain(value)
            if isinstance(one, ForeignKey) and (name := self._name(row, one)):
                found[f"{one.name}{NAMED}"] = name
        return found

    def read(self, row: Model, fields: list[Field]) -> list[tuple[str, str]]:
        """Label and value of what is filled, in words."""
        pairs = []
        for one in fields:
            value = getattr(row, one.attname)
            if value in (None, "", [], {}) or isinstance(value, tuple) or not str(value):
                continue
            pairs.append((capfirst(str(one.verbose_name)), self._in_words(row, one, value)))
        return pairs

    def _name(self, row: Model, field: ForeignKey) -> str:
        model: Any = field.related_model
        key = (model, getattr(row, field.attname))
        if key not in self.names:
            # What it leads to may lie in the trash.
            found = model._base_manager.filter(pk=key[1]).first() if key[1] is not None else None
            self.names[key] = str(found) if found is not None else ""
        return self.names[key]

    def _in_words(self, row: Model, field: Field, value: Any) -> str:
        if isinstance(field, ForeignKey):
            return self._name(row, field) or str(value)
        if getattr(field, "choices", None):
            return str(getattr(row, f"get_{field.name}_display")())
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
        if isinstance(value, datetime):
            return date_format(timezone.localtime(value), "DATETIME_FORMAT")
        if isinstance(value, date):
            return date_format(value, "DATE_FORMAT")
        return str(value)


def export_person(subject: Subject) -> bytes:
    """A zip archive of ``data.json`` and ``index.html``; written down in the audit log."""
    with one_change():
        parts = collect(subject)
        about(
            "contacts.contact",
            subject.pk,
            subject.name,
            Action.PERSON_EXPORTED,
            rows=sum(len(part.rows) for part in parts),
        ).save()
    made_at = timezone.now()
    data = {
        "made_at": made_at.isoformat(),
        **{part.holding.name: part.rows for part in parts},
    }
    page = render_to_string(
        "privacy/export.html", {"subject": subject, "parts": parts, "made_at": made_at}
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
        archive.writestr("data.json", text.encode("utf-8", "backslashreplace"))
        archive.writestr("index.html", page.encode("utf-8", "backslashreplace"))
        with open(str(finders.find("privacy.css")), "rb") as styles:
            archive.writestr("style.css", styles.read())
    return file.getvalue()
