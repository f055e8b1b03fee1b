"""Forms that notice when somebody else saved the record in the meantime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Difference:
    """One field, what is stored by now, and what this form would store; both as shown."""

    label: str
    stored: str
    ours: str


class VersionedForm(forms.ModelForm):
    """A ``ModelForm`` that carries which version of the record it was filled from.

    If the record has another version by now, the form is invalid, ``differences`` lists the
    fields whose values differ, and it carries the newer version: sent again it is confirmed.
    ``instance`` must be freshly loaded, and locked if nobody is to slip in between.
    """

    version = forms.CharField(required=False, widget=forms.HiddenInput)

    # Fields that say what to do rather than what to store.
    uncompared: frozenset[str] = frozenset()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.differences: Sequence[Difference] = ()
        self.stored_version = ""
        if self.instance.pk:
            self.stored_version = self.instance.updated_at.isoformat()
        self.initial["version"] = self.stored_version

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.stored_version and cleaned.get("version") != self.stored_version:
            self.differences = self.differing()
            self.resend("version", self.stored_version)
            if self.differences:
                self.add_error(
                    None,
                    _(
                        "Somebody saved this in the meantime. Nothing of yours is stored yet: "
                        "compare, change what should be otherwise, and save again."
                    ),
                )
        return cleaned

    def resend(self, name: str, value: str) -> None:
        """Show ``value`` in a field instead of what was sent."""
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data[self.add_prefix(name)] = value
        self.data = data

    def differing(self) -> list[Difference]:
        """Where what is stored and what was sent differ, in the order of the form."""
        return [
            Difference(str(field.label), *shown)
            for field in self.visible_fields()
            if field.name not in self.uncompared and (shown := self._shown(field))[0] != shown[1]
        ]

    def _shown(self, field: forms.BoundField) -> tuple[str, str]:
        stored = field.initial
        ours = self.cleaned_data.get(field.name, self.data.get(field.html_name))
        return self._as_text(field, stored), self._as_text(field, ours)

    def _as_text(self, field: forms.BoundField, value: Any) -> str:
        if value in (None, "", False):
            return ""
        if value is True:
            return str(_("yes"))
        choices = getattr(field.field, "choices", None)
        if choices is not None:
            value = field.field.prepare_value(value)
            words = {str(key): str(label) for key, label in choices}
            return words.get(str(value), str(value))
        if hasattr(field.field, "label_of"):
            return str(field.field.label_of(value))
        prepared = field.field.prepare_value(value)
        return str(field.field.widget.format_value(prepared) or prepared)
