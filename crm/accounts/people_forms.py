"""The forms of users, their access, their preferences, and teams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from crm.accounts.levels import SETS, Area, Level, Right, Role
from crm.accounts.models import Team, User
from crm.accounts.people import (
    LEVELS,
    PREFERENCES,
    RIGHTS,
    refuse_editing_more_than_seeing,
)


class RefusableForm(forms.Form):
    def add_refusal(self, refusal: ValidationError) -> None:
        """Show what a service refused, beside the field in question."""
        if not hasattr(refusal, "error_dict"):
            self.add_error(None, refusal.messages)
            return
        for name, errors in refusal.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)


class NameFields(RefusableForm):
    first_name = forms.CharField(
        label=_("First name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(
        label=_("E-mail"),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class PlaceFields(RefusableForm):
    role = forms.ChoiceField(
        label=_("Role"),
        choices=Role.choices,
        initial=Role.MEMBER,
        help_text=_("Administrators see and edit everything, and enter Settings."),
    )
    teams = forms.ModelMultipleChoiceField(
        label=_("Member of"),
        queryset=Team.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class InviteForm(PlaceFields, NameFields):
    field_order = ["first_name", "last_name", "email", "role", "teams"]


class PreferenceFields(RefusableForm):
    language = forms.ChoiceField(label=_("Language"), choices=User.Language.choices, required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    formats = forms.ChoiceField(
        label=_("Dates and numbers"), choices=User.Formats.choices, required=False
    )
    theme = forms.ChoiceField(label=_("Theme"), choices=User.Theme.choices)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        kwargs["initial"] = self.initial_of(user)
        super().__init__(*args, **kwargs)
        zones = sorted({*available_timezones(), user.time_zone} - {""})
        installed = _("As the account, else this installation: %(zone)s")
        zone: Any = self.fields["time_zone"]
        zone.choices = [
            ("", installed % {"zone": settings.TIME_ZONE}),
            *((name, name) for name in zones),
        ]

    def initial_of(self, user: User) -> dict[str, Any]:
        return {name: getattr(user, name) for name in PREFERENCES}


class PreferencesForm(PreferenceFields):
    """What users choose for themselves."""

    shortcuts = forms.BooleanField(
        label=_("Single letters act in lists"),
        required=False,
        help_text=_("Such as j and k for the next and the previous row."),
    )


class ProfileForm(PreferenceFields, PlaceFields, NameFields):
    """What administrators change of a user, without access."""

    managed = forms.ModelMultipleChoiceField(
        label=_("Manager of"),
        queryset=Team.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ["first_name", "last_name", "email", "role", "teams", "managed"]

    def initial_of(self, user: User) -> dict[str, Any]:
        names = ("first_name", "last_name", "email", "role")
        return {
            **super().initial_of(user),
            **{name: getattr(user, name) for name in names},
            "teams": [team.pk for team in user.teams.all()],
            "managed": [team.pk for team in user.managed_teams.all()],
        }

    def of_the_user(self) -> dict[str, Any]:
        """What is sent of the user itself; teams are set apart."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("teams", "managed")
        }


class AccessForm(RefusableForm):
    """How far a user sees and edits, per area, and their rights; laid out as a table."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for area in Area:
            for act, label in (("view", _("%(area)s: view")), ("edit", _("%(area)s: edit"))):
                self.fields[f"{act}_{area}"] = forms.TypedChoiceField(
                    label=label % {"area": area.label},
                    choices=Level.choices,
                    coerce=lambda value: Level(int(value)),
                )
        for right in Right:
            self.fields[f"may_{right}"] = forms.BooleanField(label=right.label, required=False)

    @classmethod
    def of(cls, user: User) -> AccessForm:
        return cls(initial={name: getattr(user, name) for name in (*LEVELS, *RIGHTS)})

    @classmethod
    def filled_with(cls, code: str) -> AccessForm | None:
        """With a ready-made set; None where there is none of that name."""
        found = next((one for one in SETS if one.code == code), None)
        return cls(initial=found.values()) if found else None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if all(name in cleaned for name in LEVELS):
            try:
                refuse_editing_more_than_seeing(cleaned)
            except ValidationError as refusal:
                self.add_refusal(refusal)
        return cleaned

    def rows(self) -> Iterator[tuple[str, forms.BoundField, forms.BoundField]]:
        for area in Area:
            yield str(area.label), self[f"view_{area}"], self[f"edit_{area}"]

    def rights(self) -> list[forms.BoundField]:
        return [self[name] for name in RIGHTS]

    sets = SETS


class ChoosePasswordForm(RefusableForm):
    """What somebody who was invited chooses."""

    first_name = forms.CharField(
        label=_("First name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        help_text=_("At least 12 characters. Several words are easy to remember."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("The password again"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "password" in cleaned and cleaned["password"] != cleaned.get("again", ""):
            self.add_error("again", _("The two passwords are not the same."))
        return cleaned


class HandOverForm(RefusableForm):
    to = forms.ModelChoiceField(label=_("Hand everything to"), queryset=User.objects.none())

    def __init__(self, *args: Any, user: User, required: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = User.objects.filter(is_active=True).exclude(pk=user.pk)
        field: Any = self.fields["to"]
        field.queryset = others.order_by("first_name", "last_name", "username")
        field.required = required
        field.empty_label = _("Choose one") if required else _("Nobody: leave it as it is")


class TeamForm(RefusableForm):
    name = forms.CharField(
        label=_("Name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    members = forms.ModelMultipleChoiceField(
        label=_("Members"),
        queryset=User.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    managers = forms.ModelMultipleChoiceField(
        label=_("Managers"),
        queryset=User.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        people: dict[str, list[Any]] = {"members": [], "managers": []}
        if team.pk:
            people = {name: list(getattr(team, name).all()) for name in people}
        kwargs["initial"] = {"name": team.name, **people}
        super().__init__(*args, **kwargs)
        users = User.objects.order_by("first_name", "last_name", "username")
        there = {one.pk for found in people.values() for one in found}
        for name in people:
            field: Any = self.fields[name]
            # Who was deactivated stays in a team they are in, until they are taken out of it.
            field.queryset = users.filter(is_active=True) | users.filter(pk__in=there)
