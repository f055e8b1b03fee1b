"""Everybody on a deal as rows of its form: one of them is the main contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet, formset_factory
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from contacts.fields import ContactChoiceField
from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from deals.models import Deal

ROWS_AT_MOST = 500


@dataclass(frozen=True)
class Row:
    """A filled row; ``number`` names it in the form, ``link_id`` is its stored association."""

    number: str
    contact: Contact
    role: str
    removed: bool
    link_id: int | None


def rows_of(deal: Deal | None, star: Contact | None) -> list[dict[str, Any]]:
    """What the rows begin with: the main contact first, then the associated ones."""
    if deal is None:
        return [{"contact": star}] if star else []
    links = deal.links.values("pk", "contact_id", "role")
    return [
        {"contact": deal.primary_contact_id},
        *(
            {"contact": link["contact_id"], "role": link["role"], "link": link["pk"]}
            for link in links
        ),
    ]


class ContactRow(forms.Form):
    contact = ContactChoiceField(label=_("Contact"), required=False)
    role = forms.CharField(
        label=_("Role"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Role"), "autocomplete": "off"}),
    )
    link = forms.IntegerField(required=False, widget=forms.HiddenInput)


class BaseContactRows(BaseFormSet):
    def __init__(
        self, *args: Any, contacts: ContactQuerySet, stored: set[int], **kwargs: Any
    ) -> None:
        self.contacts = contacts
        # Ids of those on the deal already: shown by name, not to be chosen anew.
        self.stored = stored
        super().__init__(*args, **kwargs)

    @cached_property
    def known(self) -> dict[int, Contact]:
        """Everybody named in the rows, in one query."""
        ids = set()
        if self.is_bound:
            for number in range(self.total_form_count()):
                value = self.data.get(f"{self.prefix}-{number}-contact", "")
                ids |= {int(value)} if value.isdecimal() else set()
        else:
            for row in self.initial or []:
                ids.add(getattr(row["contact"], "pk", row["contact"]))
        return self.contacts.select_related("company").in_bulk(ids)

    def add_fields(self, form: forms.Form, index: int | None) -> None:
        super().add_fields(form, index)
        field: Any = form.fields["contact"]
        field.contacts = self.contacts
        if index is not None:
            field.known = self.known
            form.number = str(index)  # type: ignore[attr-defined]
            form.chosen = self._chosen(form)  # type: ignore[attr-defined]

    def _chosen(self, form: forms.Form) -> Contact | None:
        """Who the row stands for, if it is on the deal already."""
        value = form["contact"].value()
        pk = int(value) if str(value or "").isdecimal() else None
        return self.known.get(pk) if pk in self.stored else None  # type: ignore[arg-type]

    def filled(self) -> list[Row]:
        """The rows that name a contact; asks for valid ones."""
        return [
            Row(
                number=form.number,
                contact=form.cleaned_data["contact"],
                role=form.cleaned_data.get("role", ""),
                removed=bool(form.cleaned_data.get("DELETE")),
                link_id=form.cleaned_data.get("link"),
            )
            for form in self.forms
            if getattr(form, "cleaned_data", None) and form.cleaned_data.get("contact")
        ]

    def clean(self) -> None:
        seen = set()
        for form in self.forms:
            contact = getattr(form, "cleaned_data", {}).get("contact")
            if contact and contact.pk in seen:
                form.add_error("contact", _("This contact is on the deal already."))
                raise ValidationError(_("%(name)s is on the deal twice.") % {"name": contact.name})
            seen.add(contact.pk if contact else None)


ContactRows: Any = formset_factory(
    ContactRow,
    formset=BaseContactRows,
    extra=1,
    can_delete=True,
    max_num=ROWS_AT_MOST,
    absolute_max=ROWS_AT_MOST + 10,
)
