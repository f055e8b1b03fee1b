"""The small forms of a deal's card: another stage, another star, one more contact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contacts.fields import ContactChoiceField, contact_fields
from contacts.models import Contact
from crm.changes import one_change
from deals.access import editable_contacts
from deals.models import Deal, LossReason, Stage, UnqualifiedReason
from deals.models.labels import HOLDER
from deals.services.required import missing_fields
from deals.stages import Category, Group, as_moment
from settings.catalogue import catalogue
from settings.labelled import made_fields
from settings.services import set_values
from settings.types import default_of

# What becomes of the main contact before.
KEEP, REMOVE = "keep", "remove"
WAYS = [(KEEP, _("Keep on the deal")), (REMOVE, _("Remove from the deal"))]


def only_keep(form: forms.Form | forms.ModelForm, name: str) -> None:
    """Let the main contact before only be kept, as it is nobody whom the user may change."""
    cast(forms.ChoiceField, form.fields[name]).choices = WAYS[:1]


class StageChoiceField(forms.ModelChoiceField):
    """Stages by name, with the pipeline's where there are several pipelines."""

    several = False

    def label_from_instance(self, stage: Any) -> str:
        return f"{stage.pipeline.name}: {stage.name}" if self.several else stage.name


def offered_stages(now: Stage | None = None) -> QuerySet[Stage]:
    """The stages a deal may be moved to: those in use of pipelines in use and of the one it is in; and the one it is
    in.
    """
    in_use = Q(pipeline__archived=False)
    if now is not None:
        in_use |= Q(pipeline=now.pipeline_id)
    in_use &= Q(archived=False)
    if now is not None:
        in_use |= Q(pk=now.pk)
    return Stage.objects.in_order().filter(in_use)


REASONS = ("loss_reason", "unqualified_reason", "source")


def offered_reasons(form: Any, deal: Deal | None = None) -> None:
    """Offer the reasons and sources that are not archived, and the one the deal has."""
    deal = deal or form.instance
    for name in REASONS:
        if field := form.fields.get(name):
            chosen = Q(pk=getattr(deal, f"{name}_id"))
            field.queryset = field.queryset.filter(Q(archived=False) | chosen)


def needed_in(stage: Stage) -> str:
    return gettext("A deal in the stage “%(stage)s” needs it.") % {"stage": stage.name}


def date_input() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def clean_past(value: date | None) -> date | None:
    """Refuse a close date in the future, before anything is saved."""
    if value is not None:
        try:
            as_moment(value, timezone.now())
        except ValidationError as error:
            raise ValidationError(error.messages) from None
    return value


class MoveForm(forms.Form):
    """Another stage, with what a closed one asks for."""

    stage = forms.ModelChoiceField(queryset=Stage.objects.none())
    closed_on = forms.DateField(
        label=_("Closed on"),
        required=False,
        widget=date_input(),
        help_text=_("Empty: now. Never in the future."),
    )
    loss_reason = forms.ModelChoiceField(
        label=_("Loss reason"), queryset=LossReason.objects.all(), required=False
    )
    unqualified_reason = forms.ModelChoiceField(
        label=_("Unqualified reason"), queryset=UnqualifiedReason.objects.all(), required=False
    )

    def __init__(self, *args: Any, deal: Deal, stage: Stage, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deal = deal
        self.wanted = stage
        stages = cast(forms.ModelChoiceField, self.fields["stage"])
        stages.queryset = offered_stages(deal.stage)
        account = catalogue().account
        for name, category, asked in (
            ("loss_reason", Category.LOST, account.asks_loss_reason),
            ("unqualified_reason", Category.UNQUALIFIED, account.asks_unqualified_reason),
        ):
            if stage.category != category or not asked:
                del self.fields[name]
        offered_reasons(self, deal)
        if stage.group == Group.ACTIVE:
            del self.fields["closed_on"]
        self._ask_for_missing(user)

    def _ask_for_missing(self, user: Any) -> None:
        missing = missing_fields([self.deal.pk], self.wanted).get(self.deal.pk, [])
        self.missing = {field.form_name: field for field in missing}
        for name, field in self.missing.items():
            self.initial[name] = default_of(field)
        self.fields |= made_fields(
            self.missing,
            {},
            user=user,
            holder=HOLDER,
            contact_field=contact_fields(user, ()),
            required=True,
        )
        for name in self.missing:
            self.fields[name].error_messages["required"] = needed_in(self.wanted)

    def needed(self) -> list[forms.BoundField]:
        """The custom fields that the stage asks for and the deal lacks."""
        return [self[name] for name in self.missing]

    def asked(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in (*self.missing, "stage")]

    def clean_closed_on(self) -> date | None:
        return clean_past(self.cleaned_data["closed_on"])

    def save(self) -> Deal:
        """Move the deal, and give it what the stage asks for, as one change. Raises ``ValidationError`` where that was
        taken away, or more is asked for, since the form was made.
        """
        with one_change():
            self._move()
            values = {field.pk: self.cleaned_data[name] for name, field in self.missing.items()}
            if values:
                set_values("deal", {self.deal.pk: values})
            if missing_fields([self.deal.pk], self.wanted):
                raise ValidationError(gettext("This stage asks for more by now."))
        return self.deal

    def _move(self) -> None:
        deal, sent = self.deal, self.cleaned_data
        names = ["stage"]
        deal.stage = sent["stage"]
        if sent.get("closed_on") and deal.stage.group != Group.ACTIVE:
            deal.closed_at = sent["closed_on"]
            names.append("closed_at")
        for name in ("loss_reason", "unqualified_reason"):
            if sent.get(name):
                setattr(deal, name, sent[name])
                names.append(name)
        deal.save(update_fields=names)


class LinkForm(forms.Form):
    """One more contact on a deal."""

    contact = ContactChoiceField(label=_("Contact"), act="edit")
    role = forms.CharField(label=_("Role"), required=False, max_length=120)

    def __init__(self, *args: Any, user: Any, deal: Deal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deal = deal
        contact = cast(ContactChoiceField, self.fields["contact"])
        contact.contacts = Contact.objects.editable_by(user)

    def clean_contact(self) -> Contact:
        contact: Contact = self.cleaned_data["contact"]
        if contact.pk == self.deal.primary_contact_id:
            raise ValidationError(_("This is the main contact; it is on the deal already."))
        if self.deal.links.filter(contact=contact).exists():
            raise ValidationError(_("This contact is on the deal already."))
        return contact


class StarForm(forms.Form):
    """Another main contact, and what becomes of the one before, which who may not change it can only keep.

    ``ways`` is what may become of it.
    """

    contact = ContactChoiceField(label=_("Main contact"), act="edit")
    previous = forms.ChoiceField(
        label=_("The main contact before"),
        choices=WAYS,
        widget=forms.RadioSelect,
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, user: Any, deal: Deal, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        contact = cast(ContactChoiceField, self.fields["contact"])
        contact.contacts = Contact.objects.editable_by(user)
        self.ways = [KEEP, REMOVE]
        if not editable_contacts([deal.primary_contact_id], user):
            only_keep(self, "previous")
            self.ways = [KEEP]
