"""Choosing what the contact that two become has of either."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contacts.hidden import hidden_of, name_of
from contacts.merge_labels import BOTH, OURS, THEIRS, ComparedLabels
from contacts.models import Contact
from crm.trash.services import plain
from deals.services.merge import SEVERAL, mergeable_fields


@dataclass(frozen=True)
class Option:
    """One of the values of a field: what to send for it, and how it reads; empty for none."""

    choice: str
    shown: str
    chosen: bool


@dataclass(frozen=True)
class Row:
    """A field of the two beside each other; a single option where there is nothing to choose."""

    name: str
    label: str
    options: list[Option]
    errors: list[str]


class MergeForm(forms.Form):
    """Which of two values survives, field by field, and which versions of the two were compared.

    ``survivor`` and ``merged`` must be freshly loaded, and locked if nobody is to slip in between.
    ``user`` is who sees them.
    """

    ours_version = forms.CharField(widget=forms.HiddenInput, required=False)
    theirs_version = forms.CharField(widget=forms.HiddenInput, required=False)
    keep_others = forms.BooleanField(
        label=_("Keep the other e-mail addresses, numbers and websites as further ones"),
        required=False,
        initial=True,
    )

    def __init__(self, data: Any, survivor: Contact, merged: Contact, user: Any) -> None:
        super().__init__(data)
        self.survivor, self.merged = survivor, merged
        pair = (survivor, merged)
        self.hidden = hidden_of(
            {pk for one in pair for pk in (one.company_id, one.parent_company_id)}, user
        )
        self.labels = ComparedLabels(survivor, merged, user)
        self.names = [name for name in mergeable_fields(survivor) if self._differs(name)]
        for name in self.names:
            choices = [(OURS, ""), (THEIRS, ""), *([(BOTH, "")] if self._may_join(name) else [])]
            self.fields[name] = forms.ChoiceField(
                label=label_of(name),
                choices=choices,
                initial=self._beginning(name),
                required=False,
            )
        for made in self.labels.differing:
            self.fields[made.form_name] = forms.ChoiceField(
                label=made.name,
                choices=[(choice, "") for choice, _shown in self.labels.choices(made)],
                initial=self.labels.beginning(made),
                required=False,
            )
        self.versions = {
            "ours_version": version_of(survivor, self.labels.values(survivor)),
            "theirs_version": version_of(merged, self.labels.values(merged)),
        }
        for field, version in self.versions.items():
            self.initial[field] = version

    def _value(self, contact: Contact, name: str) -> Any:
        value = getattr(contact, name)
        # A company cannot belong to one of the two that it becomes.
        return None if value in (self.survivor, self.merged) else value

    def _differs(self, name: str) -> bool:
        return bool(self._value(self.survivor, name) != self._value(self.merged, name))

    def _beginning(self, name: str) -> str:
        """Chosen before anybody chose: nothing is lost, and the survivor keeps what it has."""
        if self._may_join(name):
            return BOTH
        return OURS if self._value(self.survivor, name) not in (None, "") else THEIRS

    def _may_join(self, name: str) -> bool:
        texts = [self._value(contact, name) for contact in (self.survivor, self.merged)]
        return name == "description" and all(texts)

    # -- checking

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        edited = [
            contact.name
            for contact, field in ((self.survivor, "ours_version"), (self.merged, "theirs_version"))
            if cleaned.get(field) != self.versions[field]
        ]
        if edited:
            self.data = {**self.data.dict(), **self.versions}  # type: ignore[attr-defined]
            for name in edited:
                self.add_error(
                    None,
                    gettext(
                        "Somebody edited %(name)s in the meantime. Nothing is merged yet: look at "
                        "the values once more, and merge then."
                    )
                    % {"name": name},
                )
        return cleaned

    def values(self) -> dict[str, Any]:
        """What was chosen, as ``merge_contacts`` takes it."""
        chosen = {}
        for name in self.names:
            choice = self.cleaned_data.get(name) or self.fields[name].initial
            ours, theirs = self._value(self.survivor, name), self._value(self.merged, name)
            if choice == BOTH:
                chosen[name] = f"{ours}\n\n{theirs}"
            else:
                chosen[name] = theirs if choice == THEIRS else ours
        return chosen

    def kept(self) -> dict[int, str]:
        """Whose value of a custom field was chosen, as ``merge_contacts`` takes it."""
        return {
            made.pk: self.cleaned_data.get(made.form_name) or self.fields[made.form_name].initial
            for made in self.labels.differing
        }

    def beginning(self) -> dict[str, Any]:
        """The values that are chosen before anybody chose."""
        self.cleaned_data = {}
        return self.values()

    # -- showing

    @property
    def some_would_be_lost(self) -> bool:
        """Whether there is anything to keep as a further address or number."""
        return any(
            self._value(self.survivor, name) and self._value(self.merged, name)
            for name in self.names
            if name in SEVERAL
        )

    def rows(self) -> Iterator[Row]:
        """Every field that either of the two has anything in, in the order of a contact's form."""
        for name in mergeable_fields(self.survivor):
            ours, theirs = (self._shown(name, one) for one in (self.survivor, self.merged))
            if name not in self.names:
                if ours:
                    yield Row(name, label_of(name), [Option("", ours, True)], [])
                continue
            bound = self[name]
            shown = {OURS: ours, THEIRS: theirs, BOTH: gettext("Both, one after the other")}
            options = [
                Option(choice, shown[choice], bound.value() == choice)
                for choice, _words in self.fields[name].choices  # type: ignore[attr-defined]
            ]
            yield Row(name, label_of(name), options, [str(error) for error in bound.errors])
        yield from self._rows_of_labels()

    def _rows_of_labels(self) -> Iterator[Row]:
        for label, names in self.labels.tags():
            yield Row("tags", label, [Option("", names, True)], [])
        for made in self.labels.fields:
            if made not in self.labels.differing:
                if shown := self.labels.shown(made, self.survivor):
                    yield Row(made.form_name, made.name, [Option("", shown, True)], [])
                continue
            bound = self[made.form_name]
            options = [
                Option(choice, shown, bound.value() == choice)
                for choice, shown in self.labels.choices(made)
            ]
            errors = [str(error) for error in bound.errors]
            yield Row(made.form_name, made.name, options, errors)

    def _shown(self, name: str, contact: Contact) -> str:
        value = self._value(contact, name)
        if isinstance(value, Contact):
            return name_of(value, self.hidden)
        return "" if value is None else str(value)


def label_of(name: str) -> str:
    return capfirst(str(Contact._meta.get_field(name).verbose_name))  # type: ignore[union-attr]


def version_of(contact: Contact, made: Mapping[int, Any]) -> str:
    """Stands for the values that are compared: it is another one once one of them is. ``made`` are those of custom
    fields.
    """
    names = mergeable_fields(contact)
    values = [plain(getattr(contact, Contact._meta.get_field(name).attname)) for name in names]  # type: ignore[union-attr]
    values += [[pk, plain(value)] for pk, value in sorted(made.items())]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]
