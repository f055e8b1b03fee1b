"""The card of a deal, and the steps one takes from it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from contacts.hidden import hidden_of, name_of
from contacts.models import Contact
from crm.accounts.collaborators import CollaboratorForm
from crm.accounts.doors import editable_or_refuse, visible_or_404
from crm.changes import one_change
from crm.retry import retrying
from deals.access import back_to, editable_contacts
from deals.card_forms import KEEP, LinkForm, MoveForm, StarForm, offered_stages
from deals.cards import DealCard
from deals.effects import effects_of
from deals.models import Deal, DealContact, Stage
from deals.models.labels import HOLDER
from deals.notices import tell
from deals.services import forget_win, move_active_deals, preview, set_primary_contact
from settings.cards import QuickTagForm
from settings.catalogue import forget as forget_labels

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


def _edited(request: HttpRequest, pk: int) -> Deal:
    deal: Deal = editable_or_refuse(Deal.objects.for_card(), request.user, pk)
    return deal


@require_GET
def card(request: HttpRequest, pk: int) -> HttpResponse:
    return _show_card(request, visible_or_404(Deal.objects.for_card(), request.user, pk))


def _show_card(request: HttpRequest, deal: Deal, status: int = 200, **more: Any) -> HttpResponse:
    shown = DealCard(deal, request.user, request.GET)
    context = {"deal": deal, "card": shown, "collaborator_form": shown.collaborator_form}
    if shown.may_edit:
        context["link_form"] = LinkForm(user=request.user, deal=deal)
    return render(request, "deals/card.html", context | more, status=status)


@require_POST
@retrying
def tags(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a tag on the deal or take one off: for htmx its tags and history anew, else its card."""
    deal = _edited(request, pk)
    form = QuickTagForm(request.POST, holder=HOLDER, record=deal, user=request.user)
    said = form.said()
    if not request.htmx:  # type: ignore[attr-defined]
        if form.errors:
            return _show_card(request, deal, **form.refused())
        tell(request, said)
        return redirect(f"{deal.get_absolute_url()}#labels")
    context = {
        "deal": deal,
        "card": DealCard(deal, request.user, request.GET),
        "tags_url": request.path,
        "said": said,
        "is_fragment": True,
        **form.refused(),
    }
    return render(request, "deals/_tags_changed.html", context, status=form.status)


@require_POST
@retrying
def collaborators(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody work on the deal besides its owner, or no longer."""
    deal = _edited(request, pk)
    form = CollaboratorForm(request.POST, record=deal)
    if not form.is_valid():
        return _show_card(request, deal, status=422, collaborator_form=form)
    tell(request, form.save())
    return back_to(request, deal, f"{deal.get_absolute_url()}#collaborators")


# -- moving


@get_or_post
@retrying
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a deal to another stage; asked with GET, show first whose statuses follow."""
    deal = _edited(request, pk)
    sent = request.POST if request.method == "POST" else request.GET
    stage_id = sent.get("stage", "")
    stages = offered_stages(deal.stage)
    stage = stages.filter(pk=stage_id).first() if stage_id.isdecimal() else None
    if stage is None:
        messages.error(request, _("This stage does not exist any more."))
        return redirect(deal)
    form = _move_form(request, deal, stage)
    if request.method == "POST" and form.is_valid():
        try:
            with one_change() as change:
                form.save()
        except ValidationError as error:
            return _show_move(request, pk, stage, error)
        names = {"deal": deal.name, "stage": stage.name}
        tell(request, _("“%(deal)s” is moved to %(stage)s.") % names, change)
        return redirect(deal)
    return _show_move(request, pk, stage)


def _move_form(request: HttpRequest, deal: Deal, stage: Stage) -> MoveForm:
    initial = {"stage": stage.pk}
    return MoveForm(
        request.POST or None, deal=deal, stage=stage, user=request.user, initial=initial
    )


def _show_move(
    request: HttpRequest, pk: int, stage: Stage, error: ValidationError | None = None
) -> HttpResponse:
    if error:
        # A field was removed, or a value taken away, since the form was checked.
        forget_labels()
    # As stored: a refused form may have changed the deal it was given.
    deal = _edited(request, pk)
    form = _move_form(request, deal, stage)
    if error and form.is_valid():
        form.add_error(None, error.messages)  # type: ignore[arg-type]
    with preview() as seen:
        Deal.objects.filter(pk=deal.pk).update(stage=stage)
    context = {
        "deal": deal,
        "stage": stage,
        "form": form,
        "effects": effects_of(seen, request.user),
    }
    return render(request, "deals/move.html", context)


# -- who is on it


@get_or_post
@retrying
def star(request: HttpRequest, pk: int) -> HttpResponse:
    """Another main contact: asks what becomes of the one before, and shows what follows."""
    deal = _edited(request, pk)
    sent = (request.POST if request.method == "POST" else request.GET).copy()
    if request.method != "POST":
        sent.setdefault("previous", KEEP)
    asked = sent.get("contact") or sent.get("contact_text")
    bound = sent if asked or request.method == "POST" else None
    form = StarForm(bound, user=request.user, deal=deal)
    if form.is_valid() and request.method == "POST":
        return _set_star(request, deal, form)
    contact = form.cleaned_data.get("contact") if form.is_bound else None
    hidden = hidden_of([deal.primary_contact_id], request.user)
    context: dict[str, Any] = {
        "deal": deal,
        "form": form,
        "contact": contact,
        "before": name_of(deal.primary_contact, hidden),
    }
    if contact and contact.pk != deal.primary_contact_id:
        context["choices"] = [
            (how, _effects_of_star(request, deal, contact, how)) for how in form.ways
        ]
    return render(request, "deals/star.html", context)


def _set_star(request: HttpRequest, deal: Deal, form: StarForm) -> HttpResponse:
    contact = form.cleaned_data["contact"]
    with one_change() as change:
        keep = form.cleaned_data["previous"] == KEEP
        set_primary_contact(deal, contact, keep_previous=keep)
    names = {"name": contact.name, "deal": deal.name}
    tell(request, _("%(name)s is the main contact of “%(deal)s”.") % names, change)
    return back_to(request, deal)


def _effects_of_star(request: HttpRequest, deal: Deal, contact: Contact, how: str) -> Any:
    with preview() as seen:
        set_primary_contact(Deal.objects.get(pk=deal.pk), contact, keep_previous=how == KEEP)
    return effects_of(seen, request.user)


@get_or_post
@retrying
def link_add(request: HttpRequest, pk: int) -> HttpResponse:
    deal = _edited(request, pk)
    form = LinkForm(request.POST or None, user=request.user, deal=deal)
    if request.method == "POST" and form.is_valid():
        contact = form.cleaned_data["contact"]
        with one_change() as change:
            DealContact.objects.create(deal=deal, contact=contact, role=form.cleaned_data["role"])
        names = {"name": contact.name, "deal": deal.name}
        tell(request, _("%(name)s is on “%(deal)s” now.") % names, change)
        return redirect(deal)
    return render(request, "deals/link_form.html", {"deal": deal, "form": form})


@require_POST
@retrying
def link_remove(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    deal = _edited(request, pk)
    # Whoever cannot be seen there is not there, as one whom somebody took off before.
    seen = Contact.objects.visible_to(request.user)
    links = DealContact.objects.filter(deal=deal, contact__in=seen)
    found = links.filter(pk=link).select_related("contact").first()
    if found is not None:
        editable_or_refuse(Contact, request.user, found.contact_id)
        with one_change() as change:
            found.delete()
        names = {"name": found.contact.name, "deal": deal.name}
        tell(request, _("%(name)s is not on “%(deal)s” any more.") % names, change)
    return redirect(deal)


# -- what the law offers


@require_POST
@retrying
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the kept win of ``contact`` in this deal."""
    deal = _edited(request, pk)
    contact: Contact = editable_or_refuse(Contact, request.user, _number(request, "contact"))
    with one_change() as change:
        forgotten = forget_win(contact, deal)
    if forgotten:
        names = {"name": contact.name, "deal": deal.name}
        tell(request, _("%(name)s keeps the win “%(deal)s” no more.") % names, change)
    return back_to(request, contact, _page_sent(request))


@require_POST
@retrying
def move_along(request: HttpRequest) -> HttpResponse:
    """Give the active deals of ``person`` the company it works for now."""
    person = editable_or_refuse(Contact.objects.people(), request.user, _number(request, "person"))
    if person.company_id is not None and not editable_contacts([person.company_id], request.user):
        raise PermissionDenied
    try:
        with one_change() as change:
            moved = move_active_deals(person, among=Deal.objects.editable_by(request.user))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(person)
    done = ngettext("%(number)d deal moved along.", "%(number)d deals moved along.", len(moved))
    tell(request, done % {"number": len(moved)}, change)
    return back_to(request, person)


def _number(request: HttpRequest, name: str) -> int:
    value = request.POST.get(name, "")
    return int(value) if value.isdecimal() else 0


def _page_sent(request: HttpRequest) -> str:
    """The page that was sent along to go back to, if it is one of ours."""
    page = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return page if ours else ""


# -- deletion


@get_or_post
@retrying
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    deal = _edited(request, pk)
    if request.method == "POST":
        with one_change() as change:
            deal.delete()
        tell(request, _("“%(deal)s” is in the trash.") % {"deal": deal.name}, change)
        return redirect("deals:list")
    with preview() as seen:
        Deal.objects.get(pk=deal.pk).delete()
    context = {"deal": deal, "effects": effects_of(seen, request.user)}
    return render(request, "deals/delete.html", context)
