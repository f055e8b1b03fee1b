"""The pages of one contact."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from contacts.cards import ContactCard, may_create
from contacts.duplicates import duplicates_of
from contacts.employees import markings, summary_of_markings
from contacts.fields import OPTIONS_AT_MOST, of_kind
from contacts.forms import CompanyForm, DetailFormSet, PersonForm, StatusForm
from contacts.hidden import hidden_of
from contacts.leaving import Before, back_to, tell_of_gone
from contacts.models import Contact
from contacts.models.labels import HOLDER
from contacts.statuses import WORDS, StatusKind, label_of
from crm.accounts.collaborators import CollaboratorForm
from crm.accounts.doors import editable_or_refuse, may_edit, visible_or_404
from crm.changes import one_change
from crm.retry import retrying
from deals.effects import effects_of
from deals.models import Deal
from deals.notices import offer, offer_to_move_along, tell
from deals.services import explain, lock_deals_of, preview, select_status
from settings.cards import QuickTagForm
from settings.catalogue import forget

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


def _seen(request: HttpRequest, pk: int) -> Contact:
    found: Contact = visible_or_404(Contact.objects.for_card(), request.user, pk)
    return found


def _edited(request: HttpRequest, pk: int) -> Contact:
    found: Contact = editable_or_refuse(Contact, request.user, pk)
    return found


@require_GET
def card(request: HttpRequest, pk: int) -> HttpResponse:
    return _show_card(request, _seen(request, pk))


def _show_card(
    request: HttpRequest,
    contact: Contact,
    refusals: dict[str, list[str]] | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    shown = ContactCard(contact, request.user, request.GET)
    context = {
        "contact": contact,
        "card": shown,
        "collaborator_form": shown.collaborator_form,
        "refusals": refusals or {},
        **more,
    }
    return render(request, "contacts/card.html", context, status=status)


@require_GET
def explanation(request: HttpRequest, pk: int) -> HttpResponse:
    """Why the contact stands where it stands: a fragment for htmx, else its place on the card."""
    contact = _seen(request, pk)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(f"{contact.get_absolute_url()}#standing")
    found = explain(contact, reader=request.user)
    context = {
        "contact": contact,
        "statuses": [found.prospect, found.customer],
        "may_edit": may_edit(contact, request.user),
    }
    return render(request, "contacts/_explanation.html", context)


@require_GET
def options(request: HttpRequest) -> JsonResponse:
    """Up to 20 contacts that match ``q``: with ``kind`` companies or people alone, with ``act=edit`` those that one may
    edit.
    """
    query = request.GET.get("q", "")[:200]
    contacts = Contact.objects.visible_to(request.user)
    if request.GET.get("act") == "edit":
        contacts = Contact.objects.editable_by(request.user)
    contacts = of_kind(contacts, request.GET.get("kind", ""))
    found = list(contacts.matching(query).select_related("company")[:OPTIONS_AT_MOST])
    hidden = hidden_of([contact.company_id for contact in found], request.user)
    results = [
        {
            "id": contact.pk,
            "name": contact.name,
            "detail": contact.email
            if contact.company is None or contact.company_id in hidden
            else contact.company.name,
            "kind": "company" if contact.is_organization else "person",
        }
        for contact in found
    ]
    return JsonResponse({"results": results})


# -- new and edit


@get_or_post
@retrying
def new_person(request: HttpRequest) -> HttpResponse:
    return _new(request, Contact())


@get_or_post
@retrying
def new_company(request: HttpRequest) -> HttpResponse:
    return _new(request, Contact(is_organization=True))


def _new(request: HttpRequest, contact: Contact) -> HttpResponse:
    if not may_create(request.user):
        raise PermissionDenied
    initial: dict[str, Any] = {"owner": request.user.pk}
    if not contact.is_organization:
        initial["company"] = request.GET.get("company", "")
    form, details = _forms(request, contact, initial)
    valid = request.method == "POST" and form.is_valid() and details.is_valid()
    # Checked or not, the form has put what was typed into the contact.
    duplicates = duplicates_of(contact, request.user) if request.method == "POST" else []
    told = request.POST.get("anyway", "").split(",")
    if valid and all(str(duplicate.contact.pk) in told for duplicate in duplicates):
        try:
            with one_change():
                saved = form.save()
                details.save()
        except ValidationError as error:
            again = Contact(is_organization=contact.is_organization)
            return _show_refused(request, again, error)
        tell(request, _("%(name)s is a contact now.") % {"name": saved.name})
        return back_to(request, saved)
    return _show_form(request, contact, form, details, duplicates)


@get_or_post
@retrying
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    contact = _edited(request, pk)
    if request.method != "POST":
        return _show_form(request, contact, *_forms(request, contact))
    try:
        with one_change() as change:
            # Deals before contacts, as every sync locks them; then nobody slips in between the
            # comparison of versions and the saving.
            lock_deals_of([pk])
            locked = Contact.objects.select_for_update(no_key=True)
            contact = editable_or_refuse(locked, request.user, pk)
            employer, before = contact.company_id, Before.of(contact)
            form, details = _forms(request, contact)
            saved = form.is_valid() and details.is_valid()
            if saved:
                form.save()
                details.save()
    except ValidationError as error:
        return _show_refused(request, _edited(request, pk), error)
    if not saved:
        return _show_form(request, contact, form, details)
    tell(request, _("%(name)s is saved.") % {"name": contact.name}, change)
    if contact.company_id != employer:
        offer_to_move_along(request, contact)
    return back_to(request, contact, before)


def _forms(
    request: HttpRequest, contact: Contact, initial: dict[str, Any] | None = None
) -> tuple[Any, Any]:
    kind = CompanyForm if contact.is_organization else PersonForm
    data = request.POST if request.method == "POST" else None
    form = kind(data, instance=contact, initial=initial, user=request.user)
    return form, DetailFormSet(data, instance=contact, prefix="details")


def _show_refused(request: HttpRequest, contact: Contact, error: ValidationError) -> HttpResponse:
    """The form after a tag or field was removed between checking and saving, as there are others by now."""
    forget()
    form, details = _forms(request, contact)
    details.is_valid()
    form.refuse(error)
    return _show_form(request, contact, form, details)


def _show_form(
    request: HttpRequest, contact: Contact, form: Any, details: Any, duplicates: Any = ()
) -> HttpResponse:
    # The form may have put what was typed into the contact: headings show what is stored.
    name = Contact.objects.filter(pk=contact.pk).values_list("name", flat=True).first()
    context = {
        "contact": contact,
        "name": name or "",
        "form": form,
        "details": details,
        "duplicates": duplicates,
    }
    return render(request, "contacts/form.html", context)


# -- tags


@require_POST
@retrying
def tags(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a tag on the contact or take one off: for htmx its tags and history anew, else its card."""
    contact = _edited(request, pk)
    form = QuickTagForm(request.POST, holder=HOLDER, record=contact, user=request.user)
    said = form.said()
    if not request.htmx:  # type: ignore[attr-defined]
        if form.errors:
            return _show_card(request, _seen(request, pk), **form.refused())
        tell(request, said)
        return redirect(f"{contact.get_absolute_url()}#labels")
    context = {
        "contact": contact,
        "card": ContactCard(_seen(request, pk), request.user, request.GET),
        "tags_url": request.path,
        "said": said,
        "is_fragment": True,
        **form.refused(),
    }
    return render(request, "contacts/_tags_changed.html", context, status=form.status)


@require_POST
@retrying
def collaborators(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody work on the contact besides its owner, or no longer."""
    contact = _edited(request, pk)
    form = CollaboratorForm(request.POST, record=contact)
    if not form.is_valid():
        return _show_card(request, _seen(request, pk), status=422, collaborator_form=form)
    tell(request, form.save())
    page = f"{contact.get_absolute_url()}#collaborators"
    return back_to(request, contact, Before.of(contact), page)


# -- statuses


@require_POST
@retrying
def select(request: HttpRequest, pk: int) -> HttpResponse:
    """Select a status; a refusal shows the card again, the reason beside the status."""
    contact = _edited(request, pk)
    form = StatusForm(request.POST)
    if not form.is_valid() or not form.selection():
        return redirect(contact)
    selection = form.selection()
    before = Before.of(contact)
    try:
        with one_change() as change:
            select_status(contact, **selection)  # type: ignore[arg-type]
    except ValidationError as error:
        refusals = getattr(error, "error_dict", None)
        return _show_card(
            request,
            _seen(request, pk),
            error.message_dict if refusals else dict.fromkeys(selection, error.messages),
        )
    tell(request, _("The status of %(name)s is saved.") % {"name": contact.name}, change)
    if contact.is_organization:
        for kind, value in selection.items():
            if any(one.possible for one in markings(contact, request.user, kind, value)):
                offer(request, kind="mark_employees", company=contact.pk, status=kind, value=value)
    return back_to(request, contact, before)


@get_or_post
@retrying
def mark_employees(request: HttpRequest, pk: int, kind: str, value: str) -> HttpResponse:
    """Give the employees the status that was selected for their company, after a look."""
    company = _edited(request, pk)
    known = kind in StatusKind.values and value in WORDS[kind].values
    if not known or not company.is_organization:
        raise Http404
    found = markings(company, request.user, kind, value)
    label = label_of(kind, value)
    if request.method == "POST":
        chosen = set(request.POST.getlist("employee"))
        marked = [one.contact for one in found if one.possible and str(one.contact.pk) in chosen]
        before = [Before.of(one) for one in marked]
        with one_change() as change:
            for one in marked:
                _mark(one, kind, value)
        done = _("Marked as %(status)s.") % {"status": label}
        tell(request, done, change)
        tell_of_gone(request, list(zip(marked, before, strict=True)))
        return redirect(company)
    context = {
        "contact": company,
        "status": label_of(kind, value),
        "kind": kind,
        "value": value,
        "markings": found,
        "summary": summary_of_markings(found),
        "some_possible": any(one.possible for one in found),
    }
    return render(request, "contacts/mark_employees.html", context)


def _mark(contact: Contact, kind: str, value: str) -> None:
    try:
        select_status(contact, **{kind: value})  # type: ignore[arg-type]
    except ValidationError:
        # A deal came in the way since the page was shown: as it would have shown, left out.
        return


# -- deletion


@get_or_post
@retrying
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    contact = _edited(request, pk)
    if request.method == "POST":
        try:
            with one_change() as change:
                lock_deals_of([pk])
                locked = Contact.objects.select_for_update(no_key=True)
                editable_or_refuse(locked, request.user, pk).delete()
        except ProtectedError:
            return _show_delete(request, contact)
        tell(request, _("%(name)s is in the trash.") % {"name": contact.name}, change)
        return redirect("contacts:list")
    return _show_delete(request, contact)


def _show_delete(request: HttpRequest, contact: Contact) -> HttpResponse:
    starred = Deal.objects.visible_to(request.user).filter(primary_contact=contact)
    deals = list(starred.select_related("stage").order_by("-opened_at", "-pk")[:21])
    mine = Deal.objects.editable_by(request.user).filter(pk__in=[deal.pk for deal in deals])
    editable = set(mine.order_by().values_list("pk", flat=True))
    all_of_them = contact.primary_deals.count()
    context: dict[str, Any] = {
        "contact": contact,
        "deals": [(deal, deal.pk in editable) for deal in deals[:20]],
        "more": len(deals) > 20,
        "hidden": all_of_them - starred.count(),
    }
    if not all_of_them:
        with preview() as seen:
            Contact.objects.get(pk=contact.pk).delete()
        context["effects"] = effects_of(seen, request.user)
        staff = Contact.objects.visible_to(request.user).filter(company=contact)
        context["employees"] = staff.count()
    return render(request, "contacts/delete.html", context)
