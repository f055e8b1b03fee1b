"""Making one contact of two: which two, what survives, and taking it back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from contacts.cards import may_create
from contacts.duplicates import duplicates_of
from contacts.fields import ContactChoiceField
from contacts.leaving import Before, back_to
from contacts.merge_forms import MergeForm
from contacts.models import Contact, StatusChange
from crm.accounts.doors import editable_or_refuse, sees_all
from crm.accounts.levels import Area
from crm.changes import one_change
from crm.retry import retrying
from deals.effects import effects_of
from deals.models import Deal, DealParty, MergeRecord
from deals.notices import offer, tell
from deals.services import lock_deals_of, merge_contacts, preview, undo_merge

MERGES_SHOWN = 20
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


def _edited(request: HttpRequest, pk: int) -> Contact:
    contacts = Contact.objects.select_related("company", "parent_company", "owner")
    found: Contact = editable_or_refuse(contacts, request.user, pk)
    return found


def _older_first(one: Contact, other: Contact) -> tuple[Contact, Contact]:
    older, newer = sorted((one, other), key=lambda contact: (contact.created_at, contact.pk))
    return older, newer


def _page_of(one: Contact, other: Contact) -> str:
    """The page that compares the two; the older one survives if nobody swaps them."""
    older, newer = _older_first(one, other)
    return reverse("contacts:merge_pair", args=[older.pk, newer.pk])


# -- which two


class OtherForm(forms.Form):
    """The other contact, of the same kind."""

    def __init__(self, data: Any, contact: Contact, user: Any) -> None:
        super().__init__(data)
        self.contact = contact
        kind = "company" if contact.is_organization else "person"
        label = (
            gettext_lazy("Other company")
            if contact.is_organization
            else gettext_lazy("Other person")
        )
        field = ContactChoiceField(kind=kind, act="edit", label=label)
        field.offer(user)
        self.fields["other"] = field

    def clean_other(self) -> Contact:
        other: Contact = self.cleaned_data["other"]
        if other == self.contact:
            raise ValidationError(_("This is the contact itself. Choose another one."))
        return other


@require_GET
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose whom to merge with, the likely duplicates first; and undo earlier merges."""
    contact = _edited(request, pk)
    asked = request.GET.get("other") or request.GET.get("other_text")
    form = OtherForm(request.GET if asked else None, contact, request.user)
    if form.is_valid():
        return redirect(_page_of(contact, form.cleaned_data["other"]))
    merges = MergeRecord.objects.editable_by(request.user).filter(survivor_id=pk, undone_at=None)
    if not sees_all(request.user, Area.CONTACTS, Area.CUSTOMERS):
        # Whom others made it of, they may never have seen.
        merges = merges.filter(merged_by_id=request.user.pk)
    duplicates = duplicates_of(contact, request.user)
    ours = Contact.objects.editable_by(request.user).filter(
        pk__in=[one.contact.pk for one in duplicates]
    )
    editable = set(ours.order_by().values_list("pk", flat=True))
    duplicates = [one for one in duplicates if one.contact.pk in editable]
    context = {
        "contact": contact,
        "form": form,
        "duplicates": [(one, _page_of(contact, one.contact)) for one in duplicates],
        "merges": merges.select_related("merged_by").defer("data")[:MERGES_SHOWN],
    }
    return render(request, "contacts/merge.html", context)


@require_GET
def merge_two(request: HttpRequest) -> HttpResponse:
    """From a selection, as ``ids=3,7`` or ``row=3&row=7``, to the page that compares the two."""
    sent = [*request.GET.get("ids", "").split(","), *request.GET.getlist("row")]
    ids = {int(number) for number in sent if number.isdecimal() and len(number) < 19}
    if len(ids) != 2:
        messages.error(request, _("Choose exactly two contacts to merge."))
        return redirect("contacts:list")
    one, other = (_edited(request, pk) for pk in sorted(ids))
    return redirect(_page_of(one, other))


# -- what survives


@get_or_post
@retrying
def merge_pair(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """The two beside each other: ``pk`` is the one that survives."""
    survivor, merged = _edited(request, pk), _edited(request, other)
    if survivor == merged:
        raise Http404
    if survivor.is_organization != merged.is_organization:
        return render(
            request, "contacts/merge_refused.html", {"contact": survivor, "other": merged}
        )
    if request.method != "POST" or "preview" in request.POST:
        return _show(request, survivor, merged)
    form, record, before = None, None, Before.of(survivor)
    try:
        with one_change() as change:
            form = _locked_form(request, pk, other)
            if form.is_valid():
                record = _merge(form, form.survivor, form.merged)
    except ValidationError as refusal:
        return _show(request, survivor, merged, refusal)
    if record is None:
        return _show(request, form.survivor, form.merged, checked=form)
    names = {"merged": record.merged_name, "survivor": record.survivor_name}
    tell(request, _("%(merged)s is part of %(survivor)s now.") % names, change)
    offer(request, kind="undo_merge", merge=record.pk)
    return back_to(request, form.survivor, before)


def _locked_form(request: HttpRequest, pk: int, other: int) -> MergeForm:
    """What was sent, to be checked against both as they are stored, which nobody changes now."""
    # Deals before contacts, as every sync locks them.
    lock_deals_of([pk, other])
    locked = Contact.objects.select_for_update(no_key=True)
    found = {one: editable_or_refuse(locked, request.user, one) for one in sorted((pk, other))}
    return MergeForm(request.POST, found[pk], found[other], request.user)


def _merge(form: MergeForm, survivor: Contact, merged: Contact) -> MergeRecord:
    return merge_contacts(
        survivor,
        merged,
        values=form.values(),
        keep_others=form.cleaned_data["keep_others"],
        kept=form.kept(),
    )


def _show(
    request: HttpRequest,
    survivor: Contact,
    merged: Contact,
    refusal: ValidationError | None = None,
    checked: MergeForm | None = None,
) -> HttpResponse:
    """The two with what is chosen so far, and what merging them so would do."""
    sent = request.POST if request.method == "POST" else None
    form = checked or MergeForm(sent, survivor, merged, request.user)
    if refusal is not None:
        _add_refusal(form, refusal)
    context: dict[str, Any] = {
        "contact": survivor,
        "other": merged,
        "form": form,
        "follows": _follows(request, merged),
    }
    if not form.errors:
        try:
            context |= _effects(request, form)
        except ValidationError as refused:
            _add_refusal(form, refused)
    page = "contacts/merge_pair.html"
    if request.htmx:  # type: ignore[attr-defined]
        page = "contacts/_merge_effects.html"
    return render(request, page, context)


def _add_refusal(form: MergeForm, refusal: ValidationError) -> None:
    form.is_valid()
    named = getattr(refusal, "error_dict", {})
    for name, errors in named.items():
        form.add_error(name if name in form.fields else None, ValidationError(errors))
    if not named:
        form.add_error(None, refusal)


def _effects(request: HttpRequest, form: MergeForm) -> dict[str, Any]:
    """What merging as chosen would do, found out by doing it and taking it back."""
    values = form.values() if form.is_bound else form.beginning()
    survivor = Contact.objects.get(pk=form.survivor.pk)
    with preview() as seen:
        merge_contacts(survivor, Contact.objects.get(pk=form.merged.pk), values=values)
    # Merging has read it back: the statuses are those of then.
    return {"effects": effects_of(seen, request.user), "afterwards": survivor}


def _follows(request: HttpRequest, merged: Contact) -> dict[str, int]:
    """How much goes from the merged contact to the survivor."""
    parties = DealParty.objects.filter(contact=merged).values("deal")
    concerned = Q(primary_contact=merged) | Q(company=merged) | Q(links__contact=merged)
    deals = Deal.objects.filter(concerned | Q(pk__in=parties)).distinct()
    seen = Deal.objects.visible_to(request.user).order_by()
    counted = deals.filter(pk__in=seen).count()
    contacts = Contact.objects.visible_to(request.user)
    return {
        "deals": counted,
        "hidden_deals": 0 if sees_all(request.user, Area.DEALS) else deals.count() - counted,
        "employees": contacts.filter(company=merged).count(),
        "subsidiaries": contacts.filter(parent_company=merged).count(),
        "details": merged.details.count(),
        "changes": StatusChange.objects.filter(contact=merged.pk).count(),
    }


# -- and back


@require_POST
@retrying
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Make two of the one again; what stays otherwise is told, and so is a refusal."""
    record = get_object_or_404(MergeRecord.objects.editable_by(request.user), pk=pk)
    survivors = Contact.objects.visible_to(request.user).filter(pk=record.survivor_id)
    try:
        with one_change() as change:
            left = undo_merge(record)
            # Only now there are two again of whom to ask: whoever may not edit both parts nothing.
            merged = editable_or_refuse(Contact, request.user, record.merged_id)
            editable_or_refuse(Contact, request.user, record.survivor_id)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        survivor = survivors.first()
        return redirect(survivor) if survivor else redirect("contacts:list")
    names = {"merged": record.merged_name, "survivor": record.survivor_name}
    tell(request, _("%(merged)s and %(survivor)s are two contacts again.") % names, change)
    for sentence in left:
        messages.warning(request, sentence)
    return redirect(merged)


# -- hints while a new contact is typed

TYPED = ("first_name", "last_name", "name", "email", "phone", "mobile")


@require_POST
def duplicate_hints(request: HttpRequest, kind: str) -> HttpResponse:
    """Whom what is typed so far looks like: a fragment. Posted, for it is personal, but only read."""
    if kind not in ("person", "company"):
        raise Http404
    if not may_create(request.user):
        raise PermissionDenied
    # What no form takes, PostgreSQL does not either.
    sent = {name: request.POST.get(name, "").replace("\x00", "") for name in TYPED}
    typed: dict[str, Any] = {name: value[:254] for name, value in sent.items()}
    typed["is_organization"] = kind == "company"
    context = {"duplicates": duplicates_of(typed, request.user), "is_fragment": True}
    return render(request, "contacts/_duplicates.html", context)
