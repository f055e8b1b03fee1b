"""The forms of custom fields and their options."""

from __future__ import annotations

import unicodedata
from itertools import groupby, islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.versions import VersionedForm
from deals.models import Stage
from settings.catalogue import catalogue
from settings.categories import CHOOSING, AppliesTo, Category, FieldType
from settings.fields import form_field
from settings.holders import holder_for
from settings.models import Currency, CustomField
from settings.models.fields import DEFAULT_LENGTH
from settings.services.fields import option_names
from settings.types import default_of, type_of

# What each type is for, on the page where it is chosen.
HINTS = {
    FieldType.TEXT: gettext_lazy("One line of up to 500 characters."),
    FieldType.LONG_TEXT: gettext_lazy("Several lines of up to 10,000 characters."),
    FieldType.WHOLE: gettext_lazy("A count, such as employees or seats."),
    FieldType.NUMBER: gettext_lazy("With up to four decimal places."),
    FieldType.MONEY: gettext_lazy("An amount, in the account’s currency or another one."),
    FieldType.YES_NO: gettext_lazy("Yes, no or not known."),
    FieldType.DATE: gettext_lazy("A day."),
    FieldType.MOMENT: gettext_lazy("A day and a time, in the reader’s time zone."),
    FieldType.EMAIL: gettext_lazy("An address to write to with one click."),
    FieldType.PHONE: gettext_lazy("Found by its digits, however it is written."),
    FieldType.URL: gettext_lazy("A link to another site."),
    FieldType.ADDRESS: gettext_lazy("Street, postal code, city, state and country."),
    FieldType.CHOICE: gettext_lazy("One of the options that you make."),
    FieldType.CHOICES: gettext_lazy("Any number of the options that you make."),
    FieldType.USER: gettext_lazy("Somebody who signs in here."),
    FieldType.CONTACT: gettext_lazy("Another person or company."),
}


class FieldForm(VersionedForm):
    """A custom field of a category and type that are settled already.

    ``options`` of a new field that chooses are typed one a line. ``cleaned_data`` has the numbers of ``required_at``.
    """

    options = forms.CharField(
        label=gettext_lazy("Options"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=gettext_lazy("One a line. Colors, order and more of them come later."),
    )

    class Meta:
        model = CustomField
        fields = ["name", "help_text", "applies_to", "required", "filterable", "currency"]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "help_text": forms.TextInput(attrs={"autocomplete": "off"}),
            "applies_to": forms.RadioSelect,
        }

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.instance
        self.fields["name"].widget.attrs["maxlength"] = 80
        self.fields["help_text"].help_text = _("Shown below the field in forms.")
        if field.pk or field.type not in CHOOSING:
            del self.fields["options"]
        if field.category == Category.DEALS:
            del self.fields["applies_to"]
            self._add_stages()
        else:
            applies_to: Any = self.fields["applies_to"]
            applies_to.choices = AppliesTo.choices
        if field.type == FieldType.MONEY:
            self._add_currency()
        else:
            del self.fields["currency"]
        # A contact is nobody's default: not everybody may see it. Options of a new field are not there yet.
        if field.type != FieldType.CONTACT and not (field.type in CHOOSING and not field.pk):
            self._add_default(user)

    def _add_stages(self) -> None:
        field = self.instance
        chosen = [str(pk) for pk in self._stored_stages()]
        stages = Stage.objects.filter(
            Q(archived=False, pipeline__archived=False) | Q(pk__in=chosen)
        ).order_by("pipeline__position", "pipeline", "position", "pk")
        groups = [
            (pipeline.name, [(str(one.pk), one.name) for one in some])
            for pipeline, some in groupby(
                stages.select_related("pipeline"), key=lambda stage: stage.pipeline
            )
        ]
        self.fields["required_at"] = forms.MultipleChoiceField(
            label=_("Required on reaching these stages"),
            choices=groups,
            required=False,
            widget=forms.CheckboxSelectMultiple,
            initial=chosen,
            help_text=_("A deal is not moved there without it."),
        )
        self.stages = groups
        self.stage_names = {pk: f"{name}: {stage}" for name, some in groups for pk, stage in some}
        self.initial["required_at"] = chosen if field.pk else []

    def _stored_stages(self) -> list[int]:
        field: Any = self.instance
        if not field.pk:
            return []
        return list(field.required_at.order_by("stage").values_list("stage", flat=True))

    def _add_currency(self) -> None:
        own = catalogue().account.currency
        codes = list(Currency.objects.filter(archived=False).values_list("code", flat=True))
        if self.instance.currency and self.instance.currency not in codes:
            codes.append(self.instance.currency)
        self.fields["currency"] = forms.ChoiceField(
            label=_("Currency"),
            required=False,
            choices=[
                ("", _("The account’s own (%(code)s)") % {"code": own}),
                *((code, code) for code in codes),
            ],
        )

    def _add_default(self, user: Any) -> None:
        field = self.instance
        value = default_of(field)
        self.fields["default"] = form_field(
            field,
            user=user,
            holder=holder_for(field.category),
            chosen=value,
            label=_("Default"),
            required=False,
            help_text=_("What new records begin with."),
        )
        self.initial["default"] = value

    # -- what was sent

    def clean_help_text(self) -> str:
        text = str(self.cleaned_data["help_text"])
        if any(unicodedata.category(char) == "Cc" for char in text):
            raise ValidationError(_("A help text is one line without control characters."))
        return text

    def clean_options(self) -> list[str]:
        return option_names(self.cleaned_data["options"])

    def clean_required_at(self) -> list[int]:
        return [int(pk) for pk in self.cleaned_data["required_at"]]

    def clean_default(self) -> Any:
        value = self.cleaned_data["default"]
        field = self.instance
        text = "" if value is None else type_of(field).to_text(field, value)
        if len(text) > DEFAULT_LENGTH:
            raise ValidationError(
                _("A default has at most %(number)d characters.") % {"number": DEFAULT_LENGTH}
            )
        field.default = text
        return value

    # -- comparing with what is stored

    def _as_text(self, field: forms.BoundField, value: Any) -> str:
        if field.name == "required_at":
            return ", ".join(self.stage_names.get(str(pk), str(pk)) for pk in value or ())
        if field.name == "applies_to":
            return str(dict(AppliesTo.choices).get(value, value))
        if field.name == "default" and self.instance.type != FieldType.CONTACT:
            return str(field.field.label_of(value))  # type: ignore[attr-defined]
        return super()._as_text(field, value)

    # -- how it is shown

    def stages_by_pipeline(self) -> list[tuple[str, list[forms.boundfield.BoundWidget]]]:
        """The boxes to tick, in the order of pipelines and stages."""
        boxes = iter(self["required_at"].subwidgets)
        return [(pipeline, list(islice(boxes, len(some)))) for pipeline, some in self.stages]

    def grouped(self) -> list[tuple[Any, list[forms.BoundField]]]:
        groups = [
            (None, ["name", "options", "help_text", "applies_to", "currency"]),
            (_("In forms and lists"), ["default", "required", "required_at", "filterable"]),
        ]
        return [
            (heading, [self[name] for name in names if name in self.fields])
            for heading, names in groups
        ]


class TypeForm(forms.Form):
    """Which type a field is to have instead."""

    type = forms.ChoiceField(
        label=gettext_lazy("New type"),
        choices=(),
        error_messages={"invalid_choice": gettext_lazy("Choose one of the types.")},
    )

    def __init__(self, *args: Any, field: CustomField, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = [(key, label) for key, label in FieldType.choices if key != field.type]
        self.fields["type"].choices = others  # type: ignore[attr-defined]
