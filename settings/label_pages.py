"""What asks before tags and custom fields of many records are changed, offered by ``contacts.bulk`` and
``deals.bulk``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.bulk.forms import ActionForm
from crm.bulk.pages import ActionPage
from settings.bulk_actions import called, plain
from settings.catalogue import catalogue
from settings.categories import AppliesTo, Category, FieldType
from settings.fields import ContactField, TagsField, form_field, people_offered
from settings.holders import holder_of
from settings.models import CustomField


class TagsForm(ActionForm):
    """Tags to put on and to take off, by category."""

    layout = "bulk/_tags.html"
    record: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.categories = Category.of_record(self.record)
        for category in self.categories:
            self.fields[f"on_{category}"] = TagsField(category, self.user, label=_("Add"))
            if catalogue().tags(category):
                off = TagsField(category, self.user, label=_("Take off"))
                # What is not there cannot be taken off.
                off.may_make = off.widget.may_make = False
                self.fields[f"off_{category}"] = off

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """For each category its name and its fields."""
        return [
            (
                str(category.label),
                [self[f"{way}_{category}"] for way in ("on", "off") if f"{way}_{category}" in self.fields],
            )
            for category in self.categories
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for category in self.categories:
            on, off = cleaned.get(f"on_{category}"), cleaned.get(f"off_{category}")
            if on and off and (both := on.ids & off.ids):
                names = sorted(catalogue().tags_by_id[pk].name for pk in both)
                problem = _("“%(name)s” is to be added and taken off. Choose one of both.")
                self.add_error(f"off_{category}", problem % {"name": names[0]})
        if not self.errors and not any(self.params().values()):
            raise ValidationError(_("Choose a tag to add or to take off."))
        return cleaned

    def params(self) -> dict[str, Any]:
        sent = self.cleaned_data
        ways: dict[str, Any] = {"on": [], "off": [], "new": {}}
        for category in self.categories:
            ways["on"] += sorted(sent[f"on_{category}"].ids)
            if names := sent[f"on_{category}"].new:
                ways["new"][category.value] = list(names)
            if f"off_{category}" in sent:
                ways["off"] += sorted(sent[f"off_{category}"].ids)
        return ways


class CustomValuesForm(ActionForm):
    """New values for custom fields: what is left empty stays, unless it is cleared."""

    layout = "bulk/_values.html"
    record: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.categories = Category.of_record(self.record)
        self.custom = {one.form_name: one for one in catalogue().fields(*self.categories)}
        types = {one.type for one in self.custom.values()}
        more: dict[str, Any] = {
            "user": self.user,
            "holder": holder_of(self.record),
            "people": people_offered() if FieldType.USER in types else (),
            "contact_field": self.contact_field() if FieldType.CONTACT in types else None,
            "required": False,
        }
        for name, one in self.custom.items():
            label = called(one, self.custom.values())
            self.fields[name] = form_field(one, label=label, **more)
            if not one.required:
                clear = _("Clear %(field)s") % {"field": label}
                self.fields[f"clear_{name}"] = forms.BooleanField(label=clear, required=False)

    def contact_field(self) -> ContactField:
        """What a field of type contact is made with."""
        raise NotImplementedError

    def contact_ids(self) -> set[int]:
        """The contacts that were sent, so that they are loaded together."""
        sent = [
            str(self.data.get(self.add_prefix(name), ""))
            for name, one in self.custom.items()
            if one.type == FieldType.CONTACT
        ]
        return {int(one) for one in sent if one.isascii() and one.isdigit() and len(one) < 19}

    def groups(self) -> list[tuple[str, list[tuple[forms.BoundField, forms.BoundField | None]]]]:
        """For each category its name, and each of its fields with the box that clears it, if it may be empty."""
        return [
            (str(category.label), [self._pair(name) for name in self._names(category)])
            for category in self.categories
            if self._names(category)
        ]

    def _names(self, category: Category) -> list[str]:
        return [name for name, one in self.custom.items() if one.category == category]

    def _pair(self, name: str) -> tuple[forms.BoundField, forms.BoundField | None]:
        return self[name], self[f"clear_{name}"] if f"clear_{name}" in self.fields else None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.custom:
            if cleaned.get(f"clear_{name}") and cleaned.get(name) is not None:
                self.add_error(name, _("Give it a value or clear it, not both."))
        if not self.errors and not self.params()["values"]:
            raise ValidationError(_("Give at least one field a value, or clear one."))
        return cleaned

    def params(self) -> dict[str, Any]:
        values = {}
        for name, one in self.custom.items():
            value = self.cleaned_data.get(name)
            if value is not None or self.cleaned_data.get(f"clear_{name}"):
                values[str(one.pk)] = plain(value)
        return {"values": values}


class TagsPage(ActionPage):
    label = gettext_lazy("Tags…")
    button = gettext_lazy("Change tags")
    icon = "tag"
    place = 15

    def question(self, counted: str) -> str:
        return _("Change the tags of %(records)s") % {"records": counted}

    def left_out(self, records: QuerySet, user: Any) -> list[str]:
        return left_out_of(records, self.action.record, [], tags=True)


class CustomValuesPage(ActionPage):
    label = gettext_lazy("Set custom fields")
    icon = "pencil"
    place = 35

    def question(self, counted: str) -> str:
        return _("Set custom fields of %(records)s") % {"records": counted}

    def left_out(self, records: QuerySet, user: Any) -> list[str]:
        record = self.action.record
        return left_out_of(records, record, catalogue().fields(*Category.of_record(record)))


def left_out_of(
    records: QuerySet, record: str, fields: list[CustomField], *, tags: bool = False
) -> list[str]:
    """Who cannot have what these forms may choose, in sentences: it is refused together with all that is chosen."""
    holder = holder_of(record)
    if record == "deal":
        return []
    counts = records.order_by().aggregate(
        outside=Count("pk", filter=~holder.members(Category.CUSTOMERS)),
        people=Count("pk", filter=holder.of_kind(AppliesTo.PEOPLE)),
        companies=Count("pk", filter=holder.of_kind(AppliesTo.COMPANIES)),
    )
    kinds = {one.applies_to for one in fields}
    sentences = []
    if counts["outside"] and (tags or any(one.category == Category.CUSTOMERS for one in fields)):
        text = ngettext(
            "%(number)d is neither a prospect nor a customer: it is left out if you choose anything of Prospects & "
            "Customers.",
            "%(number)d are neither prospects nor customers: they are left out if you choose anything of Prospects & "
            "Customers.",
            counts["outside"],
        )
        sentences.append(text % {"number": counts["outside"]})
    if counts["people"] and AppliesTo.COMPANIES in kinds:
        text = ngettext(
            "%(number)d is a person: it is left out if you choose a field for companies.",
            "%(number)d are people: they are left out if you choose a field for companies.",
            counts["people"],
        )
        sentences.append(text % {"number": counts["people"]})
    if counts["companies"] and AppliesTo.PEOPLE in kinds:
        text = ngettext(
            "%(number)d is a company: it is left out if you choose a field for people.",
            "%(number)d are companies: they are left out if you choose a field for people.",
            counts["companies"],
        )
        sentences.append(text % {"number": counts["companies"]})
    return sentences
