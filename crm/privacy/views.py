"""The pages of a person's data; for administrators."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts.guards import administrators_only
from crm.attachments import as_attachment
from crm.privacy.collecting import export_person
from crm.privacy.erasing import erase_person, toll_of
from crm.privacy.holdings import HOLDINGS
from crm.privacy.mentions import mentions_of
from crm.privacy.subjects import Subject
from crm.privacy.words import told_in_words
from crm.retry import retrying


class EraseForm(forms.Form):
    """Asks for the name to be typed, as it is."""

    name = forms.CharField(
        label=gettext_lazy("Type the name to confirm"),
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = " ".join(expected.split())

    def clean_name(self) -> str:
        typed = " ".join(str(self.cleaned_data["name"]).split())
        if typed != self.expected:
            raise ValidationError(
                _("This is not the name. Type “%(name)s”; nothing was erased.")
                % {"name": self.expected}
            )
        return typed


def of_person(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For administrators alone, whoever is asked for; they get the subject."""

    @wraps(view)
    def found(request: HttpRequest, pk: int) -> HttpResponse:
        try:
            subject = Subject.of(pk)
        except ObjectDoesNotExist:
            raise Http404 from None
        return view(request, subject)

    return never_cache(administrators_only(found))


@require_safe
@of_person
def person(request: HttpRequest, subject: Subject) -> HttpResponse:
    """What is held of a person, in numbers, and the ways to export and to erase it."""
    parts = [(one.title, len(list(one.rows(subject)))) for one in HOLDINGS if not one.by_text]
    context = {"subject": subject, "parts": [one for one in parts if one[1]]}
    return render(request, "privacy/person.html", context)


@require_POST
@of_person
def export(request: HttpRequest, subject: Subject) -> HttpResponse:
    name = f"{slugify(subject.name, allow_unicode=True) or 'person'}-{timezone.localdate():%Y-%m-%d}.zip"
    return as_attachment(HttpResponse(export_person(subject)), name, "application/zip")


@require_http_methods(["GET", "HEAD", "POST"])
@of_person
@retrying
def erase(request: HttpRequest, subject: Subject) -> HttpResponse:
    """What erasing does, in numbers; posting with the name erases."""
    form = EraseForm(request.POST or None, expected=subject.name)
    problem, status = "", 200
    if request.method == "POST" and form.is_valid():
        try:
            erase_person(subject.pk)
        except ValidationError as refusal:
            problem, status = " ".join(refusal.messages), 409
        else:
            messages.success(request, _("The person is erased."))
            return redirect("privacy:person", subject.pk)
    context: dict[str, Any] = {"subject": subject, "form": form, "problem": problem}
    if not problem:
        try:
            context["toll"] = told_in_words(toll_of(subject.pk))
            context["mentions"] = mentions_of(subject)
        except ValidationError as refusal:
            context["problem"] = " ".join(refusal.messages)
    return render(request, "privacy/erase.html", context, status=status)
