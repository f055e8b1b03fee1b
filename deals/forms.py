"""The form of a deal with everybody on it."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.fields import contact_fields
from contacts.hidden import name_of
from contacts.models import Contact
from crm.accounts.models import User
from crm.changes import one_change
from crm.versions import Difference
from deals.card_forms import (
    KEEP,
    REMOVE,
    WAYS,
    StageChoiceField,
    clean_past,
    date_input,
    needed_in,
    offered_reasons,
    offered_stages,
    only_keep,
)
from deals.models import Deal, DealContact, Stage
from deals.rows import ContactRows, Row, Stored
from deals.services import set_primary_contact
from deals.services.required import required_at
from deals.stages import Group
from settings.catalogue import catalogue
from settings.fields import ContactField
from settings.labelled import ID, CustomFieldsForm
from settings.models import Currency


def offer_owners(form: forms.ModelForm) -> None:
    """Those who may sign in, and whoever it is now."""
    owners = User.objects.filter(Q(is_active=True) | Q(pk=form.instance.owner_id))
    owner = cast(forms.ModelChoiceField, form.fields["owner"])
    owner.queryset = owners.order_by("first_name", "last_name", "username")


def offer_currencies(form: forms.ModelForm) -> None:
    """Those in use, the account's own and the deal's. Where nobody has listed any, all that have three letters."""
    listed = list(Currency.objects.all())
    if not listed:
        return
    own = form.instance.currency if form.instance.pk else ""
    codes = [one.code for one in listed if not one.archived]
    codes += [one for one in (catalogue().account.currency, own) if one and one not in codes]
    form.fields["currency"] = forms.ChoiceField(
        label=form.fields["currency"].label, choices=[(code, code) for code in dict.fromkeys(codes)]
    )


class DealFields(CustomFieldsForm):
    """What the forms of a deal share."""

    record = "deal"

    def contact_field(self) -> ContactField:
        return contact_fields(self.user, self.contact_ids())

    def refuse_missing(self, stage: Stage, *, reached: bool) -> None:
        """Add an error to each field without a value that ``stage`` asks for, if it is reached or the value is taken
        away just now.
        """
        asked = {field.form_name for field in required_at([stage]).get(stage.pk, [])}
        for name in asked & self.fields.keys():
            taken = name in self.changed_data and not self.omitted(name)
            if (reached or taken) and self.value_of(name) is None and name not in self.errors:
                self.add_error(name, needed_in(stage))


class DealForm(DealFields):
    """A deal and its contacts. Saving it is one change.

    ``star`` is the row of the main contact, ``previous_star`` what becomes of the one before. Who is put on the deal,
    taken off it, or made its main contact must be one whom the user may change; of a main contact whom they may not
    see the form holds neither name nor number, and whom else they may not see stays as they are.
    """

    stage = StageChoiceField(queryset=Stage.objects.none(), label=_("Stage"), empty_label=None)
    closed_on = forms.DateField(
        label=_("Closed on"),
        required=False,
        widget=date_input(),
        help_text=_("For a closed deal. Empty: today."),
    )
    star = forms.CharField(label=_("Main contact"), required=False, widget=forms.HiddenInput)
    was_star = forms.CharField(required=False, widget=forms.HiddenInput)
    previous_star = forms.ChoiceField(
        label=_("What about the main contact before?"),
        required=False,
        choices=WAYS,
        widget=forms.RadioSelect,
    )

    class Meta:
        model = Deal
        fields = [
            "name",
            "stage",
            "value",
            "currency",
            "owner",
            "source",
            "estimated_close_date",
            "loss_reason",
            "unqualified_reason",
            "hot",
        ]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "currency": forms.TextInput(attrs={"autocomplete": "off"}),
            "estimated_close_date": date_input(),
        }

    uncompared = frozenset(("star", "previous_star"))

    # A look at what follows for the statuses need not store what they do not rest on.
    stores_labels = True

    def __init__(self, *args: Any, user: Any, star: Contact | None = None, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        if not self.instance.pk and "currency" not in (kwargs.get("initial") or {}):
            self.initial["currency"] = catalogue().account.currency
        deal = self.instance if self.instance.pk else None
        self.stored = Stored(deal, user)
        self.stored_star = self.stored.star
        self.stored_stage = deal.stage if deal else None
        self.initial.setdefault("was_star", self.stored.sent_for_star)
        if self.instance.closed_at:
            self.initial["closed_on"] = timezone.localdate(self.instance.closed_at)
        self._set_choices()
        rows = self.stored.rows() or ([{"contact": star}] if star else [])
        self.rows: Any = ContactRows(
            self.data if self.is_bound else None,
            initial=None if self.is_bound else rows,
            prefix="rows",
            user=user,
            stored=self.stored,
        )

    def _set_choices(self) -> None:
        stage = cast(StageChoiceField, self.fields["stage"])
        stages = offered_stages(self.stored_stage)
        stage.queryset = stages
        stage.several = len(set(stages.values_list("pipeline_id", flat=True))) > 1
        offer_owners(self)
        offer_currencies(self)
        offered_reasons(self)
        if self.stored_star and self.stored_star.pk not in self.stored.editable:
            only_keep(self, "previous_star")

    # -- what was sent

    def is_valid(self) -> bool:
        # Both, so that everything that is wrong is shown at once.
        rows_valid = self.rows.is_valid()
        return super().is_valid() and rows_valid

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean_closed_on(self) -> date | None:
        return clean_past(self.cleaned_data["closed_on"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.rows.is_valid():
            self._clean_star(self.rows.filled())
        stage = cleaned.get("stage")
        redated = "closed_on" in self.changed_data and cleaned.get("closed_on")
        if redated and stage and stage.group == Group.ACTIVE:
            self.add_error("closed_on", _("A deal in this stage is not closed yet."))
        if stage:
            self.refuse_missing(stage, reached=stage != self.stored_stage)
        return cleaned

    def _clean_star(self, rows: list[Row]) -> None:
        chosen = str(self.cleaned_data.get("star", ""))
        staying = [row for row in rows if not row.removed]
        if not chosen and len(staying) == 1:
            chosen = staying[0].number
        star = next((row for row in rows if row.number == chosen), None)
        if star is None:
            self.add_error("star", _("Choose the main contact of this deal."))
        elif star.removed:
            self.add_error(
                "star", _("The main contact cannot be removed: choose another one first.")
            )
        elif star.contact != self.stored_star and self._is_read_only(star.contact):
            self.add_error(
                "star",
                _("You may not edit %(name)s: choose a main contact whom you may edit.")
                % {"name": star.contact.name},
            )
        else:
            self.new_star = star.contact
            self._clean_previous(rows)

    def _is_read_only(self, contact: Contact) -> bool:
        """Whether somebody on the deal is not for the user to change; whom they add they may change."""
        return contact.pk in self.stored.ids - self.stored.editable

    def _clean_previous(self, rows: list[Row]) -> None:
        before = self.stored_star
        if before is None or before == self.new_star:
            return
        if any(row.contact == before and row.removed for row in rows):
            self.cleaned_data["previous_star"] = REMOVE
        elif not self.cleaned_data.get("previous_star"):
            self.add_error(
                "previous_star",
                _("%(name)s was the main contact: keep it on the deal, or remove it?")
                % {"name": name_of(before, self.stored.hidden)},
            )

    def differing(self) -> list[Difference]:
        found = super().differing()
        before, known = self.stored_star, self.cleaned_data.get("was_star")
        if before and known != self.stored.sent_for_star:
            label = str(self.fields["star"].label)
            stored = name_of(before, self.stored.hidden)
            found.append(Difference(label, stored, self._name_of_known(known)))
            self.resend("was_star", self.stored.sent_for_star)
        return found

    def _name_of_known(self, sent: Any) -> str:
        """What the main contact is called that the page was filled with; empty for one whom the user may not see."""
        pk = str(sent or "")
        seen = Contact.objects.visible_to(self.user)
        known = seen.filter(pk=pk).first() if ID.fullmatch(pk) else None
        return known.name if known else ""

    # -- saving

    def save(self, commit: bool = True) -> Deal:
        """Save the deal and who is on it, as one change."""
        deal: Deal = self.instance
        adding = deal.pk is None
        with one_change():
            self._set_close_date(deal)
            if adding:
                deal.primary_contact = self.new_star
            deal.save()
            if not adding and self.new_star.pk != deal.primary_contact_id:
                keep = self.cleaned_data["previous_star"] == KEEP
                set_primary_contact(deal, self.new_star, keep_previous=keep)
            self._save_links(deal)
            if self.stores_labels:
                self.save_labels()
        return deal

    def _set_close_date(self, deal: Deal) -> None:
        # The day it shows already says nothing new: the stored time of that day stays, and a
        # deal that changes its group closes now.
        closed_on = self.cleaned_data["closed_on"]
        if closed_on and "closed_on" in self.changed_data and deal.stage.group != Group.ACTIVE:
            deal.closed_at = closed_on

    def _save_links(self, deal: Deal) -> None:
        links = {link.contact_id: link for link in DealContact.objects.filter(deal=deal)}
        before = self.stored_star if self.stored_star != self.new_star else None
        gone, added = [], []
        for row in self.rows.filled():
            link = links.get(row.contact.pk)
            if row.contact == self.new_star:
                continue
            if row.removed:
                gone += [link.pk] if link else []
            elif link:
                if link.role != row.role:
                    DealContact.objects.filter(pk=link.pk).update(role=row.role)
            elif not row.link_id and row.contact != before:
                # With the number of a link it was on the deal, and somebody removed it since.
                added.append(DealContact(deal=deal, contact=row.contact, role=row.role))
        if gone:
            DealContact.objects.filter(pk__in=gone).delete()
        if added:
            DealContact.objects.bulk_create(added)


class DealCellForm(DealFields):
    """What of a deal can be changed without a look at who is on it: no status rests on it."""

    class Meta:
        model = Deal
        fields = ["value", "owner", "source", "estimated_close_date", "hot"]
        widgets = {"estimated_close_date": date_input()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_owners(self)
        offered_reasons(self)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if any(self.cleaned_data.get(name) is None for name in self.custom.keys() & self.fields):
            self.refuse_missing(self.instance.stage, reached=False)
        return cleaned
