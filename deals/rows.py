"""Everybody on a deal as rows of its form: one of them is the main contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet, formset_factory
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from contacts.fields import KEPT, ContactChoiceField
from contacts.hidden import hidden_of, name_of
from contacts.models import Contact
from deals.access import editable_contacts
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


class Stored:
    """Who is on a deal as it is stored, for ``user``: ``hidden`` are those they may not see, ``editable`` those they
    may change. Of a new deal nobody. At most three statements.
    """

    def __init__(self, deal: Deal | None, user: Any) -> None:
        self.star = deal.primary_contact if deal else None
        self.links = list(deal.links.values("pk", "contact_id", "role")) if deal else []
        self.ids = {link["contact_id"] for link in self.links}
        if self.star is not None:
            self.ids.add(self.star.pk)
        self.hidden = hidden_of(self.ids, user)
        self.editable = editable_contacts(self.ids, user)

    @property
    def hidden_star(self) -> Contact | None:
        return self.star if self.star is not None and self.star.pk in self.hidden else None

    @property
    def sent_for_star(self) -> str:
        """What forms hold for the main contact: of a hidden one not its number."""
        if self.star is None:
            return ""
        return KEPT if self.hidden_star else str(self.star.pk)

    @property
    def hidden_links(self) -> int:
        """How many of the associated contacts have no row, and stay as they are."""
        return len({link["contact_id"] for link in self.links} & self.hidden)

    def rows(self) -> list[dict[str, Any]]:
        """What the rows begin with: the main contact first, then the associated ones that may be seen."""
        found: list[dict[str, Any]] = [{"contact": self.sent_for_star}] if self.star else []
        for link in self.links:
            if link["contact_id"] not in self.hidden:
                found.append(
                    {"contact": link["contact_id"], "role": link["role"], "link": link["pk"]}
                )
        return found


@dataclass(frozen=True)
class Chosen:
    """Whom a row stands for that is on the deal already, as it is shown; ``value`` is sent for it."""

    value: str
    name: str
    company: str
    is_star: bool
    editable: bool


class RowContactField(ContactChoiceField):
    """Keeps a hidden main contact for what was shown in place of its number, and for nothing else."""

    def _is_kept(self, value: Any) -> bool:
        return self.kept is not None and (value == self.kept or value == KEPT)

    def prepare_value(self, value: Any) -> Any:
        return KEPT if self._is_kept(value) else super().prepare_value(value)


class ContactRow(forms.Form):
    contact = RowContactField(label=_("Contact"), act="edit", required=False)
    role = forms.CharField(
        label=_("Role"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Role"), "autocomplete": "off"}),
    )
    link = forms.IntegerField(required=False, widget=forms.HiddenInput)


class BaseContactRows(BaseFormSet):
    def __init__(self, *args: Any, user: Any, stored: Stored, **kwargs: Any) -> None:
        self.user = user
        # Those on the deal already: shown by name, not to be chosen anew.
        self.stored = stored
        super().__init__(*args, **kwargs)

    @cached_property
    def known(self) -> dict[int, Contact]:
        """Everybody named in the rows who is on the deal and may be seen, or may be put on it."""
        ids = set()
        if self.is_bound:
            for number in range(self.total_form_count()):
                value = self.data.get(f"{self.prefix}-{number}-contact", "")
                ids |= {int(value)} if value.isdecimal() else set()
        else:
            for row in self.initial or []:
                ids.add(getattr(row["contact"], "pk", row["contact"]))
        ids.discard(KEPT)
        new = ids - self.stored.ids
        wanted = ids - new | editable_contacts(new, self.user)
        visible = Contact.objects.visible_to(self.user)
        return visible.select_related("company").in_bulk(wanted) if wanted else {}

    @cached_property
    def hidden(self) -> frozenset[int]:
        """The companies of those in the rows that may not be seen."""
        return hidden_of((one.company_id for one in self.known.values()), self.user)

    def add_fields(self, form: forms.Form, index: int | None) -> None:
        super().add_fields(form, index)
        field: Any = form.fields["contact"]
        field.contacts = Contact.objects.editable_by(self.user)
        field.kept = self.stored.hidden_star
        if index is not None:
            field.known = self.known
            form.number = str(index)  # type: ignore[attr-defined]
            form.chosen = self._chosen(form)  # type: ignore[attr-defined]

    def _chosen(self, form: forms.Form) -> Chosen | None:
        """Who the row stands for, if it is on the deal already."""
        value = str(form["contact"].value() or "")
        stored = self.stored
        if value == KEPT and stored.hidden_star:
            name = name_of(stored.hidden_star, stored.hidden)
            return Chosen(KEPT, name, "", is_star=True, editable=False)
        contact = self.known.get(int(value)) if value.isdecimal() else None
        if contact is None or contact.pk not in stored.ids:
            return None
        return Chosen(
            str(contact.pk),
            contact.name,
            name_of(contact.company, self.hidden),
            is_star=contact == stored.star,
            editable=contact.pk in stored.editable,
        )

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
        for row in self.filled():
            if row.removed and row.contact.pk in self.stored.ids - self.stored.editable:
                # No error of the row: one that is to be removed is not looked at.
                raise ValidationError(
                    _("You may not edit %(name)s, and so you cannot take it off the deal.")
                    % {"name": name_of(row.contact, self.stored.hidden)}
                )
        seen = set()
        for form in self.forms:
            contact = getattr(form, "cleaned_data", {}).get("contact")
            if contact and contact.pk in seen:
                form.add_error("contact", _("This contact is on the deal already."))
                name = name_of(contact, self.stored.hidden)
                raise ValidationError(_("%(name)s is on the deal twice.") % {"name": name})
            seen.add(contact.pk if contact else None)


ContactRows: Any = formset_factory(
    ContactRow,
    formset=BaseContactRows,
    extra=1,
    can_delete=True,
    max_num=ROWS_AT_MOST,
    absolute_max=ROWS_AT_MOST + 10,
)
