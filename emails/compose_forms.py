"""The form that a mail is written in; templates are written in its half."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm.versions import Difference, VersionedForm
from emails.drafts import save_draft, senders_of
from emails.merging import in_line
from emails.models import Mailing
from emails.rendering import cleaned, plain

# Letters; what is pasted from a word processor loses most of them when it is cleaned.
HTML_AT_MOST = 400_000
TEXT_AT_MOST = 200_000


class Written(forms.Form):
    """What any mail says: subject, rich text, and plain text, either made from it or one's own."""

    subject = forms.CharField(
        label=_("Subject"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    html = forms.CharField(
        label=_("Text"),
        required=False,
        max_length=HTML_AT_MOST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 16, "data-rich": ""}),
    )
    own_text = forms.BooleanField(label=_("Write the plain text myself"), required=False)
    text = forms.CharField(
        label=_("Plain text"),
        required=False,
        max_length=TEXT_AT_MOST,
        widget=forms.Textarea(attrs={"rows": 12}),
    )

    def clean_subject(self) -> str:
        return in_line(self.cleaned_data["subject"])

    def clean_html(self) -> str:
        html = cleaned(self.cleaned_data["html"]).strip()
        # An editor that nothing was written in leaves an empty paragraph.
        return html if plain(html) or "<img" in html or "<hr" in html else ""

    def clean_text(self) -> str:
        text = self.cleaned_data["text"].replace("\r\n", "\n").strip()
        return text if self.cleaned_data.get("own_text") else ""


def begun(html: str, text: str) -> dict[str, Any]:
    """What the form begins with: plain text that is not one's own is shown as it would be sent."""
    return {"own_text": bool(text), "text": text or plain(html)}


class ComposeForm(Written, VersionedForm):
    """A draft. ``instance`` is freshly loaded, and locked to be saved.

    Two saves of one page, by itself and by its button, may cross: what the same page wrote before is no conflict.
    """

    tab = forms.CharField(required=False, max_length=22, widget=forms.HiddenInput)

    # Whether the plain text is one's own is read before it.
    field_order = ("sender", "language", "subject", "html", "own_text", "text")

    class Meta:
        model = Mailing
        fields = ("sender", "language", "subject", "html", "text")

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(begun(self.instance.html, self.instance.text))
        sender: Any = self.fields["sender"]
        # Whoever looks after somebody else's draft leaves them their own sender.
        sender.queryset = senders_of(self.instance.author or user)
        sender.required = False
        sender.empty_label = _("Choose a sender")
        self.fields["language"] = forms.ChoiceField(
            label=_("Language of the footer"),
            choices=settings.LANGUAGES,
            required=False,
            help_text=_("For recipients whose own language is not known."),
        )
        tab = self.data.get("tab") if self.is_bound else ""
        if tab and tab == self.instance.written_in:
            self.resend("version", self.stored_version)

    def clean_language(self) -> str:
        return self.cleaned_data["language"] or self.instance.language

    def clean(self) -> dict[str, Any]:
        self.uncompared = frozenset(("tab",))
        if not self.cleaned_data.get("own_text") and not self.instance.text:
            self.uncompared |= {"text"}
        return super().clean()

    def differing(self) -> list[Difference]:
        return [one for one in super().differing() if one.stored.strip() != one.ours.strip()]

    def save(self, commit: bool = True) -> Mailing:
        save_draft(self.instance, tab=self.cleaned_data["tab"])
        return self.instance
