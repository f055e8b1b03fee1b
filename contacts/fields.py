"""Choosing one contact out of very many, with and without JavaScript.

With JavaScript the select becomes a search box that asks ``contacts:options``. Without it, it
stands beside a text input: what is typed there chooses the one contact that is called so, or
fills the select with those that could be meant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from contacts.hidden import hidden_of, name_of
from contacts.keys import fold
from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from crm.accounts.access import Act

OPTIONS_AT_MOST = 20
KINDS = ("company", "person")
# Sent for the contact that is stored, where its number is not for whom the form is shown to.
KEPT = "kept"


def of_kind(contacts: ContactQuerySet, kind: str) -> ContactQuerySet:
    """Only the companies or only the people, or, for another kind, all."""
    if kind == "company":
        return contacts.companies()
    return contacts.people() if kind == "person" else contacts


class TypedName(str):
    """What somebody typed instead of choosing."""


class ContactPicker(forms.Select):
    template_name = "contacts/_picker.html"

    def __init__(
        self, attrs: dict[str, Any] | None = None, kind: str = "", act: Act = "view"
    ) -> None:
        super().__init__(attrs)
        self.kind = kind
        self.act = act
        # What to send for the contact that is stored, and what it is called; empty for none.
        self.kept = ("", "")
        self.found: list[Contact] = []

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        typed = str(data.get(f"{name}_text", "")).strip()
        return data.get(name) or (TypedName(typed) if typed else "")

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and f"{name}_text" not in data

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        typed = value if isinstance(value, TypedName) else ""
        context["picker"] = {
            "kind": self.kind,
            "act": self.act,
            "kept": self.kept,
            "typed": typed,
            "selected": "" if typed else str(value or ""),
            "found": self.found,
        }
        return context

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> SafeString:
        # From the product's templates, which a form renderer need not look at.
        return render_to_string(template_name, context)


class ContactChoiceField(forms.Field):
    """Cleans to a ``Contact`` or None. ``contacts`` must be set to those the user may see."""

    widget = ContactPicker
    default_error_messages = {
        "gone": _("Choose a contact from the list; this one does not exist any more."),
        "none": _("Nobody is called “%(typed)s”."),
        "several": _("Several contacts match “%(typed)s”: choose one of them."),
    }

    def __init__(self, *, kind: str = "", act: Act = "view", **kwargs: Any) -> None:
        super().__init__(widget=ContactPicker(kind=kind, act=act), **kwargs)
        self.kind = kind
        self.act = act
        self.contacts: ContactQuerySet = Contact.objects.none()
        # What is stored, which stays unless something else is chosen, whatever the user may choose.
        self.kept: Contact | None = None
        self.kept_name = ""
        # Contacts that are loaded already, so that many fields need not each ask.
        self.known: Mapping[int, Contact] = {}

    def offer(self, user: Any, kept: Contact | None = None) -> None:
        """Let ``user`` choose among those that they may see, or edit where ``act`` says so, besides what is ``kept``.

        Of a kept one that they may not see the form holds neither name nor number.
        """
        self.contacts = Contact.objects.visible_to(user)
        if self.act == "edit":
            self.contacts = Contact.objects.editable_by(user)
        self.kept = kept
        if kept is not None:
            self.kept_name = name_of(kept, hidden_of([kept.pk], user))
            hidden = self.kept_name != kept.name
            self.picker.kept = (KEPT if hidden else str(kept.pk), self.kept_name)

    @property
    def picker(self) -> ContactPicker:
        return cast(ContactPicker, self.widget)

    def prepare_value(self, value: Any) -> Any:
        if self._is_kept(value):
            return self.picker.kept[0]
        if isinstance(value, Contact):
            self.picker.found = [value]
            return value.pk
        if value and not isinstance(value, TypedName) and not self.picker.found:
            contact = self._get(value)
            self.picker.found = [contact] if contact else []
        return value

    def _is_kept(self, value: Any) -> bool:
        if self.kept is None or value in self.empty_values:
            return False
        return value == self.kept or str(value) in (str(self.kept.pk), self.picker.kept[0])

    def _get(self, value: Any) -> Contact | None:
        if self._is_kept(value):
            return self.kept
        try:
            pk = int(value)
        except (TypeError, ValueError):
            return None
        if pk in self.known:
            return self.known[pk]
        return of_kind(self.contacts, self.kind).filter(pk=pk).first()

    def to_python(self, value: Any) -> Contact | None:
        if value in self.empty_values:
            return None
        if isinstance(value, TypedName):
            return self._called(value)
        contact = value if isinstance(value, Contact) else self._get(value)
        if contact is None or self._is_other_kind(contact):
            raise ValidationError(self.error_messages["gone"], code="gone")
        if contact != self.kept:
            self.picker.found = [contact]
        return contact

    def _is_other_kind(self, contact: Contact) -> bool:
        return self.kind in KINDS and contact.is_organization != (self.kind == "company")

    def _called(self, typed: TypedName) -> Contact:
        found = list(of_kind(self.contacts, self.kind).matching(typed)[: OPTIONS_AT_MOST + 1])
        exact = [contact for contact in found if fold(contact.name) == fold(typed)]
        if len(exact) == 1 or len(found) == 1:
            return (exact if len(exact) == 1 else found)[0]
        self.picker.found = found[:OPTIONS_AT_MOST]
        code = "several" if found else "none"
        raise ValidationError(self.error_messages[code], code=code, params={"typed": typed})

    def label_of(self, value: Any) -> str:
        """The name behind a value, an id or a contact; empty for none."""
        if self._is_kept(value):
            return self.kept_name
        contact = value if isinstance(value, Contact) else self._get(value)
        return contact.name if contact else ""

    def has_changed(self, initial: Any, data: Any) -> bool:
        first = initial.pk if isinstance(initial, Contact) else initial
        if self._is_kept(first) and self._is_kept(data):
            return False
        return str(first or "") != str(data or "")


class ContactNumberField(ContactChoiceField):
    """Cleans to the number of a contact, as custom fields keep it."""

    def clean(self, value: Any) -> Any:
        contact: Contact | None = super().clean(value)
        if contact is None:
            return None
        self.known = {**self.known, contact.pk: contact}
        return contact.pk


def contact_fields(user: Any, ids: Collection[int]) -> Callable[..., ContactNumberField]:
    """Makes fields for custom fields that name a contact; those of ``ids`` are loaded in one statement for all."""
    contacts = Contact.objects.visible_to(user)
    known = contacts.in_bulk(ids) if ids else {}

    def made(**more: Any) -> ContactNumberField:
        field = ContactNumberField(**more)
        field.contacts, field.known = contacts, known
        return field

    return made
