"""The forms of actions: what an action has to be told before it is done."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import User


class ActionForm(forms.Form):
    """What an action has to be told. ``user`` is who acts."""

    # How its fields are laid out, if not one below the other.
    layout: ClassVar[str] = ""

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def params(self) -> dict[str, Any]:
        """The parameters of the action, of a valid form."""
        return {}

    def add_refusal(self, refusal: ValidationError) -> None:
        """Show what the action refused, beside the field in question if the form has it."""
        for name, errors in getattr(refusal, "error_dict", {"": [refusal]}).items():
            self.add_error(name if name in self.fields else None, errors)


class OwnerForm(ActionForm):
    """An owner, or nobody, which has to be chosen as well."""

    NOBODY = "none"
    owner = forms.ChoiceField(label=gettext_lazy("Owner"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        users = User.objects.filter(is_active=True).order_by("first_name", "last_name", "username")
        choices = [(str(one.pk), str(one)) for one in users]
        field: Any = self.fields["owner"]
        field.choices = [("", _("Choose one")), *choices, (self.NOBODY, _("Nobody"))]

    def params(self) -> dict[str, Any]:
        owner = self.cleaned_data["owner"]
        return {"owner": None if owner == self.NOBODY else int(owner)}


class FieldsForm(ActionForm):
    """New values for some fields of a model: what is left empty stays, unless it is cleared."""

    layout = "bulk/_fields.html"
    model: ClassVar[type[models.Model]]
    names: ClassVar[tuple[str, ...]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.names:
            stored: Any = self.model._meta.get_field(name)
            self.fields[name] = self.field_for(stored)
            if stored.blank and not isinstance(stored, models.BooleanField):
                label = _("Clear %(field)s") % {"field": stored.verbose_name}
                self.fields[f"clear_{name}"] = forms.BooleanField(label=label, required=False)

    def field_for(self, stored: Any) -> forms.Field:
        if isinstance(stored, models.BooleanField):
            choices = [("", _("Leave it as it is")), ("1", _("Yes")), ("0", _("No"))]
            label = capfirst(stored.verbose_name)
            return forms.ChoiceField(label=label, choices=choices, required=False)
        field: forms.Field = stored.formfield(required=False, initial=None)
        if isinstance(field, forms.ModelChoiceField):
            field.empty_label = _("Leave it as it is")
        field.widget.attrs["autocomplete"] = "off"
        return field

    def pairs(self) -> list[tuple[forms.BoundField, forms.BoundField | None]]:
        """Each field with the box that clears it, if it may be empty."""
        return [
            (self[name], self[f"clear_{name}"] if f"clear_{name}" in self.fields else None)
            for name in self.names
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.names:
            if cleaned.get(f"clear_{name}") and cleaned.get(name):
                self.add_error(name, _("Give it a value or clear it, not both."))
        if not self.errors and not self.params()["values"]:
            raise ValidationError(_("Give at least one field a value, or clear one."))
        return cleaned

    def params(self) -> dict[str, Any]:
        values = {}
        for name in self.names:
            value = self.cleaned_data.get(name)
            stored: Any = self.model._meta.get_field(name)
            if self.cleaned_data.get(f"clear_{name}"):
                values[name] = None if stored.null else ""
            elif value not in (None, ""):
                values[name] = self._plain(stored, value)
        return {"values": values}

    def _plain(self, stored: Any, value: Any) -> Any:
        if isinstance(stored, models.BooleanField):
            return value == "1"
        if isinstance(value, models.Model):
            return value.pk
        return value.isoformat() if isinstance(value, date) else value
