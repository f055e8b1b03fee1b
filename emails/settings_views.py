"""Settings › Mail: how mails look and what is asked of them; for administrators."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.accounts.guards import administrators_only
from crm.retry import retrying
from emails.models import MailSettings
from emails.settings_forms import MailSettingsForm
from emails.settings_service import change_mail_settings


@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
@retrying
def mail_settings(request: HttpRequest) -> HttpResponse:
    stored = MailSettings.current()
    if request.method == "POST":
        form = MailSettingsForm(request.POST, request.FILES, stored=stored)
    else:
        form = MailSettingsForm(stored=stored)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        try:
            change_mail_settings(
                request.user,
                new_logo=sent["new_logo"],
                without_logo=sent.get("without_logo", False),
                **form.values(),
            )
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("emails:mail_settings")
    return render(request, "emails/settings/mail.html", {"form": form, "stored": stored})
