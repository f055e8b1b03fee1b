"""The forms of a contact: itself, its further addresses and numbers, and its statuses."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.forms import BaseInlineFormSet, inlineformset_factory
from django.utils.translation import gettext_lazy as _

from contacts.fields import ContactChoiceField, contact_fields
from contacts.models import Contact, ContactDetail
from contacts.statuses import StatusKind
from crm.accounts.models import User
from settings.fields import ContactField
from settings.labelled import CustomFieldsForm

# The fields that choose a company. Who sets them needs to be allowed to edit it as well.
OF_COMPANIES = frozenset(("company", "parent_company"))


class ContactForm(CustomFieldsForm):
    """What people and companies share."""

    record = "contact"

    # The fields in the groups they are shown in; no heading for the first.
    groups: list[tuple[Any, list[str]]] = []

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        owners = User.objects.filter(is_active=True)
        if self.instance.owner_id:
            owners = owners | User.objects.filter(pk=self.instance.owner_id)
        language = cast(forms.TypedChoiceField, self.fields["language"])
        language.choices = [("", _("As the account has it")), *settings.LANGUAGES]
        owner = cast(forms.ModelChoiceField, self.fields["owner"])
        owner.queryset = owners.order_by("first_name", "last_name", "username")
        for name, field in self.fields.items():
            if isinstance(field, ContactChoiceField) and name in OF_COMPANIES:
                field.offer(user, getattr(self.instance, name))

    def grouped(self) -> list[tuple[Any, list[forms.BoundField]]]:
        own = [(heading, [self[name] for name in names]) for heading, names in self.groups]
        return [*own, *self.label_groups()]

    def contact_field(self) -> ContactField:
        return contact_fields(self.user, self.contact_ids())


REACH = ["email", "phone", "mobile", "website"]
ADDRESS = ["street", "postal_code", "city", "state", "country"]
# Filled in about somebody else: the browser must not suggest its own owner.
SUGGESTED = frozenset(("name", "first_name", "last_name", *REACH, *ADDRESS))


def _widgets(names: list[str]) -> dict[str, forms.Widget]:
    inputs: dict[str, type[forms.Widget]] = {"email": forms.EmailInput, "website": forms.URLInput}
    kinds = {"phone": {"type": "tel"}, "mobile": {"type": "tel"}}
    widgets: dict[str, forms.Widget] = {"description": forms.Textarea(attrs={"rows": 4})}
    for name in names:
        if name in SUGGESTED:
            attrs = {"autocomplete": "off", **kinds.get(name, {})}
            widgets[name] = inputs.get(name, forms.TextInput)(attrs=attrs)
    return widgets


class PersonForm(ContactForm):
    company = ContactChoiceField(kind="company", act="edit", label=_("Company"), required=False)
    groups = [
        (None, ["first_name", "last_name", "title", "company", "owner"]),
        (_("How to reach"), [*REACH, "language"]),
        (_("Address"), ADDRESS),
        (_("Notes"), ["description"]),
    ]

    class Meta:
        model = Contact
        fields = [
            "first_name",
            "last_name",
            "title",
            "company",
            "owner",
            *REACH,
            "language",
            *ADDRESS,
            "description",
        ]
        widgets = _widgets(fields)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["last_name"].required = True


class CompanyForm(ContactForm):
    parent_company = ContactChoiceField(
        kind="company", act="edit", label=_("Parent company"), required=False
    )
    groups = [
        (None, ["name", "industry", "parent_company", "owner"]),
        (_("How to reach"), [*REACH, "language"]),
        (_("Address"), ADDRESS),
        (_("Notes"), ["description"]),
    ]

    class Meta:
        model = Contact
        fields = [
            "name",
            "industry",
            "parent_company",
            "owner",
            *REACH,
            "language",
            *ADDRESS,
            "description",
        ]
        widgets = _widgets(fields)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("instance", None)
        if kwargs["instance"] is None:
            kwargs["instance"] = Contact(is_organization=True)
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True


class DetailForm(forms.ModelForm):
    kind = forms.ChoiceField(label=_("Kind"), choices=ContactDetail.Kind.choices)

    class Meta:
        model = ContactDetail
        fields = ["kind", "label", "value"]
        widgets = {
            "label": forms.TextInput(attrs={"placeholder": _("Work, private, …")}),
            "value": forms.TextInput(attrs={"autocomplete": "off"}),
        }

    def has_changed(self) -> bool:
        # A kind is always chosen; a row without a value is an empty one.
        return (
            bool(set(self.changed_data) - {"kind"})
            if not self.instance.pk
            else (super().has_changed())
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        value = cleaned.get("value")
        checks = {
            ContactDetail.Kind.EMAIL: forms.EmailField,
            ContactDetail.Kind.WEBSITE: forms.URLField,
        }
        if value and cleaned.get("kind") in checks:
            try:
                cleaned["value"] = checks[cleaned["kind"]](max_length=500).clean(value)
            except forms.ValidationError as error:
                self.add_error("value", error)
        return cleaned


DetailFormSet: type[BaseInlineFormSet] = inlineformset_factory(
    Contact, ContactDetail, form=DetailForm, extra=1, can_delete=True, max_num=100
)


class StatusForm(forms.Form):
    """A selected status, or two. Whether the law allows it is for the service to say."""

    prospect = forms.CharField(required=False, max_length=20)
    customer = forms.CharField(required=False, max_length=20)

    def selection(self) -> dict[str, str]:
        """The statuses that were sent, by kind."""
        return {
            kind: self.cleaned_data[kind] for kind in StatusKind.values if self.cleaned_data[kind]
        }
