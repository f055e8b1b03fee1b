"""The forms of Settings for tags, and for merging and deleting."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from settings.catalogue import catalogue
from settings.categories import Category, Color
from settings.models import Account, CustomField, Tag
from settings.models.labels import NAME_LENGTH

Label = Tag | CustomField


class TagForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    color = forms.ChoiceField(
        label=_("Color"), choices=Color.choices, widget=forms.RadioSelect, initial=Color.GRAY
    )


class MakersForm(forms.Form):
    makers = forms.ChoiceField(
        label=_("Who may create tags"),
        choices=Account.TagMakers.choices,
        widget=forms.RadioSelect,
    )


class OtherForm(forms.Form):
    """Which one to merge with: of the same record type and, for fields, of the same type."""

    other = forms.TypedChoiceField(label=_("Merge with"), coerce=int)

    def __init__(self, *args: Any, label: Label, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.others = {one.pk: one for one in mergeable_with(label)}
        groups: dict[str, list[tuple[int, str]]] = {}
        for one in self.others.values():
            groups.setdefault(str(Category(one.category).label), []).append((one.pk, one.name))
        field = self.fields["other"]
        field.choices = [("", _("Choose one")), *groups.items()]  # type: ignore[attr-defined]


def mergeable_with(label: Label) -> list[Label]:
    """Those of its own category come first."""
    own = Category(label.category)
    categories = sorted(Category.of_record(label.record), key=lambda one: one != own)
    known = catalogue()
    if isinstance(label, Tag):
        return [one for one in known.tags(*categories) if one.pk != label.pk]
    return [
        one for one in known.fields(*categories) if one.pk != label.pk and one.type == label.type
    ]
