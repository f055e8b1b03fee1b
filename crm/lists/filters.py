"""Filters that fail closed: a list that was asked for something it does not understand shows nothing, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from crm.lists.tables import address

MANY = (django_filters.MultipleChoiceFilter, django_filters.ModelMultipleChoiceFilter)


@dataclass(frozen=True)
class Chip:
    """A filter that is on, as a sentence, and the address of the list without it."""

    name: str
    sentence: str
    without: str


@dataclass(frozen=True)
class Menu:
    """A filter with its choices, each as value, label and whether it is ticked; `number` of them are on."""

    name: str
    label: str
    multiple: bool
    choices: Sequence[tuple[str, str, bool]]
    number: int


class RecordFilterSet(django_filters.FilterSet):
    """A FilterSet whose `qs` is empty when anything in the address is wrong: a bad value, a filter that does not
    exist, one value too many. `problems` then says what.
    """

    # Chosen by the tabs above the list: no menu, no chip.
    in_tabs: ClassVar[Sequence[str]] = ()
    beside: ClassVar[frozenset[str]] = frozenset(("sort", "page"))

    def __init__(self, data: QueryDict, queryset: QuerySet, **more: Any) -> None:
        self.params = data.copy()
        for name, values in data.lists():
            # A form that is sent without scripts names its empty fields too.
            self.params.setlist(name, [value for value in values if value])
        super().__init__(self.params, queryset, **more)

    @cached_property
    def problems(self) -> list[str]:
        found = []
        for name in self.params:
            if name not in self.filters and name not in self.beside:
                found.append(_("This list has no filter “%(name)s”.") % {"name": name})
            elif len(self.params.getlist(name)) > 1 and not isinstance(
                self.filters.get(name), MANY
            ):
                found.append(_("“%(name)s” is given more than once.") % {"name": name})
        for name, errors in self.form.errors.items():
            label = self.filters[name].label
            found += [f"{label}: {error}" for error in errors]
        return found

    @property
    def qs(self) -> QuerySet:
        found = super().qs
        return found.none() if self.problems else found

    @cached_property
    def on(self) -> dict[str, list[str]]:
        """For each filter that is on, its values as they are shown."""
        if self.problems:
            return {}
        return {
            name: self._shown(name, value)
            for name, value in self.form.cleaned_data.items()
            if value not in (None, "", [])
        }

    def chips(self) -> list[Chip]:
        return [
            Chip(name, self.sentence(name, values), address(self.params, **{name: ""}))
            for name, values in self.on.items()
            if name not in self.in_tabs
        ]

    def sentence(self, name: str, values: list[str]) -> str:
        """What this filter asks for, for people."""
        label = str(self.filters[name].label)
        return _("%(field)s is %(values)s") % {"field": label, "values": either(values)}

    def menus(self) -> list[Menu]:
        """The filters that are chosen from a menu."""
        names = [name for name in self.filters if name not in self.in_tabs and name != "q"]
        return [self._menu(name) for name in names]

    def _menu(self, name: str) -> Menu:
        given = self.params.getlist(name)
        multiple = isinstance(self.filters[name], MANY)
        choices = [
            (str(value), str(label), str(value) in given or (not value and not any(given)))
            for value, label in self._choices(name)
        ]
        label = str(self.filters[name].label)
        return Menu(name, label, multiple, choices, len(self.on.get(name, ())))

    def _shown(self, name: str, value: Any) -> list[str]:
        labels = {str(key): str(label) for key, label in self._choices(name)}
        values = value if isinstance(value, list) else [value]
        return [labels.get(str(one), str(one)) for one in values]

    def _choices(self, name: str) -> list[tuple[Any, Any]]:
        return list(getattr(self.form.fields[name], "choices", ()))


def either(values: Sequence[str]) -> str:
    """“a”, “a or b”, “a, b or c”."""
    if len(values) < 2:
        return "".join(values)
    first = ", ".join(values[:-1])
    return _("%(first)s or %(last)s") % {"first": first, "last": values[-1]}
