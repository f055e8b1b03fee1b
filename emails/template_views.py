"""Templates of mails: the list, writing one, its versions, and how it looks."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts.doors import editable_or_refuse, may_edit, visible_or_404
from crm.accounts.guards import needs
from crm.accounts.levels import Right
from crm.retry import retrying
from emails.compose_forms import begun
from emails.compose_pages import field_groups, picture_hint
from emails.compose_views import locked_draft
from emails.drafts import save_draft
from emails.models import Mailing, Template, TemplateVersion
from emails.preview_views import MAIL_ALONE, WITH_FRAME, alone, switches
from emails.previews import sample_of_version
from emails.template_forms import NamedForm, TemplateForm
from emails.versions import (
    change_template,
    delete_template,
    go_back,
    keep_as_template,
    latest,
    make_template,
    save_version,
    use_template,
)

# A template may be used for either; of what a mailing lacks, its own check tells.
RECORD = "deal"
_PLACE = re.compile(r"\{\{.*?\}\}")
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@needs(Right.MAIL)
def templates(request: HttpRequest) -> HttpResponse:
    context = {"groups": grouped(request.user)}
    return render(request, "emails/templates.html", context)


def grouped(user: Any) -> list[tuple[str, list[Template]]]:
    """The templates that ``user`` may use, with ``number``, ``saved_at`` and ``subject`` of the version that counts."""
    versions = TemplateVersion.objects.filter(template=OuterRef("pk")).order_by("-number")
    rows: QuerySet[Any] = (
        Template.objects.visible_to(user)
        .select_related("owner", "team")
        .annotate(
            number=Subquery(versions.values("number")[:1]),
            saved_at=Subquery(versions.values("created_at")[:1]),
            subject=Subquery(versions.values("subject")[:1]),
        )
    )
    found = list(rows)
    for one in found:
        one.may_edit = user.is_superuser or one.owner_id == user.pk
    labels = {
        Template.Scope.MINE: _("Mine"),
        Template.Scope.TEAM: _("My teams’"),
        Template.Scope.ALL: _("Everybody’s"),
    }
    return [
        (label, some)
        for scope, label in labels.items()
        if (some := [one for one in found if one.scope == scope])
    ]


@get_or_post
@needs(Right.MAIL)
@retrying
def new(request: HttpRequest) -> HttpResponse:
    form = TemplateForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            template = make_template(user=request.user, **form.named, **form.said)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Template “%(name)s” saved.") % {"name": template.name})
            return redirect("emails:template_edit", template.pk)
    return _show(request, form, None)


@get_or_post
@needs(Right.MAIL)
@retrying
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    template: Template = editable_or_refuse(Template, request.user, pk)
    version = latest(template)
    if request.method != "POST":
        initial = {
            "name": template.name,
            "scope": template.scope,
            "team": template.team_id,
            "subject": version.subject,
            "html": version.html,
            "base": version.number,
            **begun(version.html, version.text),
        }
        return _show(request, TemplateForm(initial=initial, user=request.user), template)
    form = TemplateForm(request.POST, user=request.user)
    if not form.is_valid():
        return _show(request, form, template)
    if form.cleaned_data["base"] != version.number:
        return _show(request, _warned(form, request, version), template, status=409)
    try:
        with transaction.atomic():
            # In this order: an administrator may give a shared one back to its owner alone.
            saved = save_version(template, user=request.user, **form.said)
            change_template(template, user=request.user, **form.named)
    except ValidationError as refusal:
        form.add_refusal(refusal)
        return _show(request, form, template)
    told = {"name": form.named["name"], "number": saved.number}
    messages.success(request, _("Template “%(name)s” saved, version %(number)d.") % told)
    if not may_edit(template, request.user):
        return redirect("emails:templates")
    return redirect("emails:template_edit", template.pk)


def _warned(form: TemplateForm, request: HttpRequest, version: TemplateVersion) -> TemplateForm:
    """The form once more, which goes on top of the version that somebody saved meanwhile."""
    data = request.POST.copy()
    data["base"] = str(version.number)
    again = TemplateForm(data, user=request.user)
    again.add_error(
        None,
        _(
            "Version %(number)d was saved meanwhile. Nothing of yours is stored yet: save again to put "
            "it on top; the other one stays among the versions."
        )
        % {"number": version.number},
    )
    return again


def _show(
    request: HttpRequest, form: TemplateForm, template: Template | None, *, status: int = 0
) -> HttpResponse:
    context = {
        "form": form,
        "template": template,
        "groups": field_groups(RECORD, request.user),
        "picture_hint": picture_hint(),
        "example": '{{ first_name | "there" }}',
    }
    status = status or (422 if form.errors else 200)
    return render(request, "emails/template_form.html", context, status=status)


# -- versions


@require_safe
@needs(Right.MAIL)
def versions(request: HttpRequest, pk: int) -> HttpResponse:
    template: Template = visible_or_404(Template, request.user, pk)
    context = {
        "template": template,
        "versions": template.versions.select_related("author"),
        "may_edit": may_edit(template, request.user),
    }
    return render(request, "emails/template_versions.html", context)


@require_safe
@needs(Right.MAIL)
@csp_override(WITH_FRAME)
def version(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """How a version looks, with the names of merge fields instead of values."""
    template, found = _version(request, pk, number)
    context = {
        "template": template,
        "version": found,
        "shown": sample_of_version(found, request.user),
        "may_edit": may_edit(template, request.user),
        **switches(request, reverse("emails:template_mail", args=[pk, number])),
    }
    return render(request, "emails/template_preview.html", context)


@require_safe
@needs(Right.MAIL)
@xframe_options_sameorigin
@csp_override(MAIL_ALONE)
def version_mail(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A version alone, for the frame of its page."""
    return alone(sample_of_version(_version(request, pk, number)[1], request.user), request)


@require_POST
@needs(Right.MAIL)
@retrying
def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    template: Template = editable_or_refuse(Template, request.user, pk)
    try:
        made = go_back(template, number, user=request.user)
    except ValidationError:
        raise Http404 from None
    told = {"old": number, "new": made.number}
    messages.success(request, _("Version %(old)d restored, as version %(new)d.") % told)
    return redirect("emails:template_versions", pk)


def _version(request: HttpRequest, pk: int, number: int) -> tuple[Template, TemplateVersion]:
    template: Template = visible_or_404(Template, request.user, pk)
    found = template.versions.filter(number=number).first()
    if found is None:
        raise Http404
    return template, found


@get_or_post
@needs(Right.MAIL)
@retrying
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    template: Template = editable_or_refuse(Template, request.user, pk)
    if request.method != "POST":
        return render(request, "emails/template_delete.html", {"template": template})
    delete_template(template, user=request.user)
    messages.success(request, _("Template “%(name)s” deleted.") % {"name": template.name})
    return redirect("emails:templates")


# -- templates of a mail that is written


@get_or_post
@needs(Right.MAIL)
@retrying
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a draft anew with what a template says; ``template`` is posted."""
    if request.method != "POST":
        mailing = _draft(request, pk)
        context = {"mailing": mailing, "groups": grouped(request.user)}
        return render(request, "emails/choose_template.html", context)
    chosen = request.POST.get("template", "")
    with transaction.atomic():
        mailing = locked_draft(request, pk)
        known = chosen.isascii() and chosen.isdigit() and len(chosen) < 19
        template: Template = visible_or_404(Template, request.user, int(chosen) if known else 0)
        try:
            use_template(template, mailing, user=request.user)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect("emails:mailing", pk)
        save_draft(mailing)
    told = {"name": template.name}
    messages.success(request, _("The mail says now what the template “%(name)s” says.") % told)
    return redirect("emails:compose", pk)


@get_or_post
@needs(Right.MAIL)
@retrying
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Save what a mailing says as a template."""
    mailing: Mailing = visible_or_404(Mailing, request.user, pk)
    # Called as its subject, without places for values.
    name = " ".join(_PLACE.sub(" ", mailing.subject).split())
    initial = {"name": name[:80], "scope": Template.Scope.MINE}
    form = NamedForm(request.POST or None, initial=initial, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            template = keep_as_template(mailing, user=request.user, **form.named)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Template “%(name)s” saved.") % {"name": template.name})
            return redirect(_page_of(mailing))
    context = {"mailing": mailing, "form": form, "back": _page_of(mailing)}
    return render(
        request, "emails/keep_as_template.html", context, status=422 if form.errors else 200
    )


def _draft(request: HttpRequest, pk: int) -> Mailing:
    found: Mailing = visible_or_404(Mailing, request.user, pk)
    if found.state != Mailing.State.DRAFT:
        raise Http404
    return found


def _page_of(mailing: Mailing) -> str:
    name = "compose" if mailing.state == Mailing.State.DRAFT else "mailing"
    return reverse(f"emails:{name}", args=[mailing.pk])
