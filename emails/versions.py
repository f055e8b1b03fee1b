"""Templates of mails. What one says is never written over: each change is a version, also going back to an old one."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Team
from crm.lists.models import teams_of
from emails.models import Mailing, Template, TemplateVersion
from emails.rendering import cleaned


def make_template(
    *,
    user: Any,
    name: str,
    scope: str = Template.Scope.MINE,
    team: Team | None = None,
    subject: str = "",
    html: str = "",
    text: str = "",
) -> Template:
    """A template with its first version. Raises ``ValidationError``."""
    with transaction.atomic():
        template = Template(owner=user)
        _give(template, user, name, scope, team)
        _add_version(template, user, subject, html, text)
    return template


def change_template(
    template: Template, *, user: Any, name: str, scope: str, team: Team | None = None
) -> Template:
    """Call it otherwise, or let others use it. Raises ``ValidationError``, and ``PermissionDenied``."""
    with transaction.atomic():
        template = _locked(template, user)
        _give(template, user, name, scope, team)
    return template


def _give(template: Template, user: Any, name: str, scope: str, team: Team | None) -> None:
    template.name = " ".join(name.split())
    template.scope = scope
    template.team = team if scope == Template.Scope.TEAM else None
    if scope == Template.Scope.TEAM and template.team is None:
        raise ValidationError({"team": _("Choose the team that it is for.")})
    # One whom a team's templates are shown to; administrators look after all of them.
    if template.team and not (user.is_superuser or teams_of(user).filter(pk=template.team.pk)):
        raise ValidationError({"team": _("You are in no team of that name.")})
    template.full_clean()
    template.save()


def save_version(
    template: Template, *, user: Any, subject: str, html: str, text: str
) -> TemplateVersion:
    """What the template says from now on; the last version itself where nothing changed.

    Raises ``PermissionDenied`` unless ``user`` may change it.
    """
    with transaction.atomic():
        template = _locked(template, user)
        return _add_version(template, user, subject, html, text)


def go_back(template: Template, number: int, *, user: Any) -> TemplateVersion:
    """A new version that says what version ``number`` said. Raises as ``save_version``, and ``ValidationError``."""
    with transaction.atomic():
        template = _locked(template, user)
        old = template.versions.filter(number=number).first()
        if old is None:
            raise ValidationError(_("There is no version %(number)d.") % {"number": number})
        return _add_version(template, user, old.subject, old.html, old.text)


def delete_template(template: Template, *, user: Any) -> None:
    """With all its versions; mails that began with it stay as they are. Raises ``PermissionDenied``."""
    with transaction.atomic():
        _locked(template, user).delete()


def latest(template: Template) -> TemplateVersion:
    """What it says now."""
    return template.versions.order_by("-number")[0]


def use_template(template: Template, mailing: Mailing, *, user: Any) -> None:
    """Let a draft say what the template says now. Raises ``PermissionDenied`` for one that is not seen."""
    if not Template.objects.visible_to(user).filter(pk=template.pk).exists():
        raise PermissionDenied
    if mailing.state != Mailing.State.DRAFT:
        raise ValidationError(_("This mailing was started; what it says stays."))
    version = latest(template)
    mailing.subject, mailing.html, mailing.text = version.subject, version.html, version.text
    mailing.template = version
    mailing.save(update_fields=["subject", "html", "text", "template"])


def keep_as_template(
    mailing: Mailing,
    *,
    user: Any,
    name: str,
    scope: str = Template.Scope.MINE,
    team: Team | None = None,
) -> Template:
    """A new template that says what the mailing says. Raises ``ValidationError``."""
    return make_template(
        user=user, name=name, scope=scope, team=team,
        subject=mailing.subject, html=mailing.html, text=mailing.text,
    )  # fmt: skip


def _locked(template: Template, user: Any) -> Template:
    """Locked, so that of two who save at once each gets a number."""
    rows = Template.objects.editable_by(user).select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=template.pk).first()
    if found is None:
        raise PermissionDenied
    return found


def _add_version(
    template: Template, user: Any, subject: str, html: str, text: str
) -> TemplateVersion:
    html, text = cleaned(html).strip(), text.replace("\r\n", "\n").strip()
    last = template.versions.order_by("-number").first()
    if last and (last.subject, last.html, last.text) == (subject, html, text):
        return last
    number = last.number + 1 if last else 1
    return template.versions.create(
        number=number, subject=subject, html=html, text=text, author=user
    )
