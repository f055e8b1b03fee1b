"""Mailing one contact from its card, and where its address stands."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from contacts.models import Contact
from crm.accounts.doors import editable_or_refuse, may_edit, visible_or_404
from crm.accounts.guards import needs
from crm.accounts.levels import Right
from crm.lists.registry import registry_of
from crm.lists.selection import Selection
from crm.retry import retrying
from emails import standing
from emails.cards import MailCard
from emails.drafts import make_draft
from emails.mailing_forms import BasisForm, SuppressForm
from emails.models import Mailing


@require_POST
@needs(Right.MAIL)
@retrying
def single(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft to one contact: the one that was begun, or a new one."""
    contact: Contact = visible_or_404(Contact, request.user, pk)
    card = MailCard(contact, request.user, may_edit=may_edit(contact, request.user))
    if card.why_not:
        messages.error(request, card.why_not)
        return redirect(contact)
    begun = _begun(contact, request.user)
    if begun is None:
        begun = _begin(request, contact)
    return redirect("emails:compose", begun.pk)


def _begun(contact: Contact, user: Any) -> Mailing | None:
    drafts = Mailing.objects.editable_by(user).filter(
        author=user, is_single=True, state=Mailing.State.DRAFT
    )
    return drafts.filter(recipients__contact_id=contact.pk).first()


def _begin(request: HttpRequest, contact: Contact) -> Mailing:
    posted = QueryDict(mutable=True)
    posted.update({"scope": "rows", "row": str(contact.pk)})
    with transaction.atomic():
        mailing = make_draft(
            user=request.user,
            record="contact",
            selection=Selection.of(registry_of("contact"), request.user, posted),
            token=request.POST.get("token", "")[:64],
            origin=f"{request.scheme}://{request.get_host()}",
        )
        mailing.is_single = True
        mailing.sentence = contact.name
        mailing.save(update_fields=["is_single", "sentence"])
    return mailing


# -- where the address of a contact stands


@require_POST
@retrying
def change_standing(request: HttpRequest, pk: int) -> HttpResponse:
    """Set a legal basis, stop mailing the address, or let it be mailed again."""
    step = STEPS.get(request.POST.get("step", ""))
    if step is None:
        visible_or_404(Contact, request.user, pk)
        raise Http404
    contact, told = step(request, pk)
    if told:
        messages.success(request, told)
    return redirect(f"{contact.get_absolute_url()}#mail")


def _suppress(request: HttpRequest, pk: int) -> tuple[Contact, str]:
    contact = _edited(request, pk)
    form = SuppressForm(request.POST)
    if _unaddressed(request, contact) or not _valid(request, form):
        return contact, ""
    reason = form.cleaned_data["reason"]
    standing.suppress(
        [contact.email],
        form.cleaned_data["why"],
        actor=request.user,
        details={"reason": reason} if reason else {},
    )
    return contact, _("%(address)s is not mailed any more.") % {"address": contact.email}


def _basis(request: HttpRequest, pk: int) -> tuple[Contact, str]:
    contact = _edited(request, pk)
    form = BasisForm(request.POST)
    if _unaddressed(request, contact) or not _valid(request, form):
        return contact, ""
    given = form.cleaned_data
    standing.set_basis(
        [contact.email],
        given["basis"],
        source=given["source"],
        text=given["text"],
        at=given["given"],
        actor=request.user,
    )
    return contact, _("The legal basis of %(address)s is saved.") % {"address": contact.email}


def _lift(request: HttpRequest, pk: int) -> tuple[Contact, str]:
    contact: Contact = visible_or_404(Contact, request.user, pk)
    reason = request.POST.get("reason", "")[:200]
    try:
        standing.lift(contact.email, actor=request.user, reason=reason)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return contact, ""
    return contact, _("%(address)s may be mailed again.") % {"address": contact.email}


STEPS = {"basis": _basis, "suppress": _suppress, "lift": _lift}


def _edited(request: HttpRequest, pk: int) -> Contact:
    contact: Contact = editable_or_refuse(Contact, request.user, pk)
    return contact


def _unaddressed(request: HttpRequest, contact: Contact) -> bool:
    """Whether there is no address that could stand anywhere, which is then told."""
    card = MailCard(contact, request.user, may_edit=True)
    if card.may_set_basis:
        return False
    messages.error(request, card.obstacle)
    return True


def _valid(request: HttpRequest, form: Any) -> bool:
    """Whether what was sent can be done; what is wrong with it is told."""
    if not form.is_valid():
        messages.error(request, " ".join(text for texts in form.errors.values() for text in texts))
    return bool(form.is_valid())
