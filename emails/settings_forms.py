"""The forms of Settings › Mail."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User
from crm.accounts.people_forms import RefusableForm
from emails.identities import first_fit, mail_servers
from emails.models import MailSettings, Sender
from emails.reasons import Suppressed

_NO_FILLING_IN = {"autocomplete": "off"}
_LIMIT: dict[str, Any] = {"required": False, "min_value": 1, "max_value": 10_000_000}


class SenderForm(RefusableForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("As recipients read it."),
        widget=forms.TextInput(attrs=_NO_FILLING_IN),
    )
    address = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("Of a domain of your own, not of a mailbox for everybody such as gmail.com."),
        widget=forms.EmailInput(attrs=_NO_FILLING_IN),
    )
    reply_to = forms.EmailField(
        label=_("Answers go to"),
        required=False,
        help_text=_("Empty: to the address itself."),
        widget=forms.EmailInput(attrs=_NO_FILLING_IN),
    )
    bounces_to = forms.EmailField(
        label=_("Bounces go to"),
        required=False,
        help_text=_("A mailbox that the product reads. Empty: to the address itself."),
        widget=forms.EmailInput(attrs=_NO_FILLING_IN),
    )
    user = forms.ModelChoiceField(
        label=_("Used by"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("Everybody who may mail"),
    )
    mailer = forms.ChoiceField(
        label=_("Mail server"),
        help_text=_("Whoever runs this installation names them in its environment."),
    )
    connections = forms.IntegerField(
        label=_("Connections at once"),
        min_value=1,
        max_value=10,
        initial=1,
        help_text=_("More are faster where the mail server allows them; most allow a few."),
    )
    per_minute = forms.IntegerField(label=_("Mails a minute"), **_LIMIT)
    per_hour = forms.IntegerField(label=_("Mails an hour"), **_LIMIT)
    per_day = forms.IntegerField(label=_("Mails a day"), **_LIMIT)
    dkim_selector = forms.CharField(
        label=_("DKIM selector"),
        max_length=63,
        required=False,
        help_text=_("Only for the check of the domain; such as s1 or google."),
        widget=forms.TextInput(attrs={**_NO_FILLING_IN, "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, sender: Sender, **kwargs: Any) -> None:
        if sender.pk:
            kwargs["initial"] = {name: getattr(sender, name) for name in self.base_fields}
        else:
            kwargs["initial"] = {"mailer": first_fit()}
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        users = User.objects.order_by("first_name", "last_name", "username")
        fields["user"].queryset = users.filter(Q(is_active=True) | Q(pk=sender.user_id))
        servers = [one for one in mail_servers() if one.is_fit]
        choices = [(one.name, one.label) for one in servers]
        if sender.pk and sender.mailer not in dict(choices):
            gone = _("%(name)s (not there any more)") % {"name": sender.mailer}
            choices = [(sender.mailer, gone), *choices]
        fields["mailer"].choices = choices

    limits = ("per_minute", "per_hour", "per_day")

    def limit_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.limits]


class MailSettingsForm(RefusableForm):
    postal_address = forms.CharField(
        label=_("Postal address"),
        required=False,
        max_length=500,
        help_text=_("Stands under every mail; the law of most countries asks for it."),
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "street-address"}),
    )
    new_logo = forms.FileField(
        label=_("Logo"),
        required=False,
        help_text=_("PNG, JPEG, GIF or WebP. Stands above every mail, 72 pixels high at most."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/gif,image/webp"}),
    )
    without_logo = forms.BooleanField(label=_("Take the logo away"), required=False)
    colour = forms.CharField(
        label=_("Colour"),
        max_length=7,
        validators=[
            RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Six digits behind #, such as #066fd1."))
        ],
        help_text=_("Of buttons and links. Dark mail programs show links in a light blue instead."),
        widget=forms.ColorInput(attrs={"class": "form-control-color"}),
    )
    basis_required = forms.BooleanField(
        label=_("Mail only addresses with a legal basis"),
        required=False,
        help_text=_("Addresses without one are left out of every mailing, and the ledger says so."),
    )
    clicks = forms.ChoiceField(
        label=_("Clicks on links"),
        choices=MailSettings.Clicks.choices,
        widget=forms.RadioSelect,
        help_text=_(
            "Kept with the recipient, they are personal data: most countries ask for consent first. Whether mails are "
            "opened is never recorded."
        ),
    )
    bounces_at_most = forms.DecimalField(
        label=_("Bounces, in percent"), min_value=0.1, max_value=100, max_digits=4, decimal_places=1
    )
    complaints_at_most = forms.DecimalField(
        label=_("Complaints, in percent"),
        min_value=0.01,
        max_value=99,
        max_digits=4,
        decimal_places=2,
        help_text=_("Gmail and Yahoo refuse senders from 0.3 percent on."),
    )

    def __init__(self, *args: Any, stored: MailSettings, **kwargs: Any) -> None:
        names = [one for one in self.base_fields if one not in ("new_logo", "without_logo")]
        kwargs["initial"] = {name: getattr(stored, name) for name in names}
        super().__init__(*args, **kwargs)
        if stored.logo_id is None:
            del self.fields["without_logo"]

    def values(self) -> dict[str, Any]:
        """What is sent of the settings themselves; the logo is set apart."""
        apart = ("new_logo", "without_logo")
        return {name: value for name, value in self.cleaned_data.items() if name not in apart}


class BlockForm(RefusableForm):
    address = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs=_NO_FILLING_IN)
    )
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=200, widget=forms.TextInput(attrs=_NO_FILLING_IN)
    )  # fmt: skip


class LiftForm(RefusableForm):
    reason = forms.CharField(
        label=_("Why this address may be mailed again"),
        max_length=200,
        help_text=_("Kept in the audit log, with your name."),
        widget=forms.TextInput(attrs=_NO_FILLING_IN),
    )


class AddressesForm(forms.Form):
    """What is looked for among the addresses that are not mailed; of what there is not, nothing is found."""

    q = forms.CharField(
        label=_("Address"), required=False, max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "type": "search"}),
    )  # fmt: skip
    why = forms.ChoiceField(label=_("Reason"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found: Any = self.fields["why"]
        reasons = [one for one in Suppressed.choices if one[0] != Suppressed.ERASED]
        found.choices = [("", _("Any")), *reasons]

    def clean_q(self) -> str:
        text = str(self.cleaned_data["q"]).strip().lower()
        if "\0" in text:
            raise ValidationError(_("An address has no such characters."))
        return text
