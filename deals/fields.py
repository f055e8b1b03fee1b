"""Choosing one deal out of very many, as contacts are chosen: with and without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from contacts.fields import OPTIONS_AT_MOST, TypedName
from contacts.keys import fold
from deals.models import Deal
from deals.querysets import DealQuerySet


class DealPicker(forms.Select):
    template_name = "deals/_picker.html"
    found: list[Deal] = []

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        typed = str(data.get(f"{name}_text", "")).strip()
        return data.get(name) or (TypedName(typed) if typed else "")

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and f"{name}_text" not in data

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        typed = value if isinstance(value, TypedName) else ""
        selected = "" if typed else str(value or "")
        context["picker"] = {"typed": typed, "selected": selected, "found": self.found}
        return context

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> SafeString:
        # From the product's templates, which a form renderer need not look at.
        return render_to_string(template_name, context)


class DealChoiceField(forms.Field):
    """Cleans to a ``Deal`` or None. ``deals`` must be set to those the user may choose."""

    widget = DealPicker
    default_error_messages = {
        "gone": _("Choose a deal from the list; this one does not exist any more."),
        "none": _("No deal is called “%(typed)s”."),
        "several": _("Several deals match “%(typed)s”: choose one of them."),
    }
    deals: DealQuerySet = Deal.objects.none()  # type: ignore[assignment]

    @property
    def picker(self) -> DealPicker:
        return cast(DealPicker, self.widget)

    def to_python(self, value: Any) -> Deal | None:
        if value in self.empty_values:
            return None
        if isinstance(value, TypedName):
            return self._called(value)
        pk = str(value)
        deal = self.deals.filter(pk=pk).first() if pk.isascii() and pk.isdigit() else None
        if deal is None:
            raise ValidationError(self.error_messages["gone"], code="gone")
        self.picker.found = [deal]
        return deal

    def _called(self, typed: TypedName) -> Deal:
        found = list(self.deals.matching(typed)[: OPTIONS_AT_MOST + 1])
        exact = [deal for deal in found if fold(deal.name) == fold(typed)]
        if len(exact) == 1 or len(found) == 1:
            return (exact if len(exact) == 1 else found)[0]
        self.picker.found = found[:OPTIONS_AT_MOST]
        code = "several" if found else "none"
        raise ValidationError(self.error_messages[code], code=code, params={"typed": typed})
