"""How every form of the product looks: Tabler's markup with the attributes that assistive technology needs.

``{{ form.name.as_field_group }}`` gives one field with label, help and errors, ``{{ form }}`` the whole form with a
summary of its errors. A form needs to do nothing for it.
"""

from __future__ import annotations

from typing import Any

from django.forms import (
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    RadioSelect,
    Select,
    Widget,
)
from django.forms.renderers import TemplatesSetting
from django.utils.translation import gettext_lazy as _

# Django 6.1 has no translations of this one yet; the catalogues of the product have.
EMPTY_CHOICE = _("- Select an option -")


class FormField(BoundField):
    """A field whose widget carries Tabler's class; Django itself adds aria-invalid and aria-describedby."""

    def build_widget_attrs(
        self, attrs: dict[str, Any], widget: Widget | None = None
    ) -> dict[str, Any]:
        attrs = super().build_widget_attrs(attrs, widget)
        widget = widget or self.field.widget
        classes = f"{widget.attrs.get('class', '')} {attrs.get('class', '')}".split()
        classes.append(_class_of(widget))
        if self.errors:
            classes.append("is-invalid")
        attrs["class"] = " ".join(dict.fromkeys(classes))
        return attrs


def _class_of(widget: Widget) -> str:
    if isinstance(widget, (CheckboxInput, CheckboxSelectMultiple, RadioSelect)):
        return "form-check-input"
    return "form-select" if isinstance(widget, Select) else "form-control"


class FormRenderer(TemplatesSetting):
    form_template_name = "forms/_form.html"
    field_template_name = "forms/_field.html"
    bound_field_class = FormField
