"""The page that asks on what legal basis many contacts are mailed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.bulk.forms import ActionForm
from crm.bulk.pages import ActionPage, register_page
from emails.actions import SOURCE_AT_MOST, TEXT_AT_MOST
from emails.reasons import Basis

NO_BASIS = "none"


class BasisForm(ActionForm):
    """A legal basis and how it came about, or none, which has to be chosen as well."""

    basis = forms.ChoiceField(
        label=gettext_lazy("Legal basis"),
        choices=[
            ("", gettext_lazy("Choose one")),
            *Basis.choices,
            (NO_BASIS, gettext_lazy("No legal basis")),
        ],
    )
    source = forms.CharField(
        label=gettext_lazy("Where it is from"),
        max_length=SOURCE_AT_MOST,
        required=False,
        help_text=gettext_lazy("Such as a form, a trade fair, a contract."),
    )
    on = forms.DateField(
        label=gettext_lazy("Given on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
    )
    text = forms.CharField(
        label=gettext_lazy("What was agreed to"),
        max_length=TEXT_AT_MOST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The words that people agreed to, as they read them."),
    )

    def clean_on(self) -> Any:
        on = self.cleaned_data["on"]
        if on and on > timezone.localdate():
            raise forms.ValidationError(_("This lies in the future."))
        return on

    def params(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given["basis"] == NO_BASIS:
            return {"basis": "", "source": "", "text": "", "on": ""}
        on = given["on"].isoformat() if given["on"] else ""
        return {"basis": given["basis"], "source": given["source"], "text": given["text"], "on": on}


@register_page
class BasisPage(ActionPage):
    key = "contact.basis"
    label = gettext_lazy("Set legal basis")
    icon = "mail-check"
    place = 60
    form = BasisForm

    def question(self, counted: str) -> str:
        return _("Set the legal basis for mailing %(records)s") % {"records": counted}

    def hint(self) -> str:
        return _(
            "It belongs to the e-mail address, and to everybody who has it. Whoever unsubscribed stays unsubscribed."
        )

    def left_out(self, records: QuerySet, user: Any) -> list[str]:
        number = records.order_by().filter(match_email="").count()
        text = ngettext(
            "%(number)d has no e-mail address.", "%(number)d have no e-mail address.", number
        )
        return [text % {"number": number}] if number else []
