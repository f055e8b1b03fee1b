"""The forms of the account and its currencies."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from settings.models import Account
from settings.models.account import CODE
from settings.services.account import offered_codes


class RefusableSetting(forms.Form):
    def add_refusal(self, refusal: ValidationError) -> None:
        """Show what a service refused, beside the field in question."""
        if not hasattr(refusal, "error_dict"):
            self.add_error(None, refusal.messages)
            return
        for name, errors in refusal.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)


class AccountForm(RefusableSetting):
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=120,
        help_text=_("Of your team or company; it stands beside the mark on every page."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    currency = forms.ChoiceField(label=_("Currency"), help_text=_("What new deals begin with."))
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        help_text=_("Of people who have chosen none."),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        help_text=_("Of people who have chosen none."),
    )
    audit_days = forms.IntegerField(
        label=_("Audit log is kept for"),
        required=False,
        min_value=30,
        max_value=7300,
        help_text=_("Days, 30 at least. Older entries are removed every night. Empty: as it was."),
    )
    factor_of_administrators = forms.BooleanField(
        label=_("Administrators need a second factor"),
        required=False,
    )
    factor_of_members = forms.BooleanField(
        label=_("Members need a second factor"),
        required=False,
        help_text=_(
            "Whoever has none is asked to set one up before anything else: an authenticator app or a passkey."
        ),
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        kwargs["initial"] = {name: getattr(account, name) for name in self.base_fields}
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["currency"].choices = [(code, code) for code in offered_codes()]
        fields["language"].choices = [("", _("As their browser asks")), *settings.LANGUAGES]
        zones = sorted({*available_timezones(), account.time_zone} - {""})
        installed = _("As this installation: %(zone)s") % {"zone": settings.TIME_ZONE}
        fields["time_zone"].choices = [("", installed), *((zone, zone) for zone in zones)]

    def clean_audit_days(self) -> int:
        days = self.cleaned_data["audit_days"]
        return int(self.initial["audit_days"] if days is None else days)


class CurrencyForm(RefusableSetting):
    code = forms.CharField(
        label=_("Code"),
        max_length=3,
        help_text=_("Three letters, such as EUR, CHF or USD."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"]).upper()
        CODE(code)
        return code
