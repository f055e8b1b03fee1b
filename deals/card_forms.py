"""The small forms of a deal's card: another stage, another star, one more contact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.fields import ContactChoiceField
from contacts.models import Contact
from deals.models import Deal, LossReason, Stage, UnqualifiedReason
from deals.stages import Category, Group, as_moment

# What becomes of the main contact before.
KEEP, REMOVE = "keep", "remove"


class StageChoiceField(forms.ModelChoiceField):
    """Stages by name, with the pipeline's where there are several pipelines."""

    several = False

    def label_from_instance(self, stage: Any) -> str:
        return f"{stage.pipeline.name}: {stage.name}" if self.several else stage.name


def offered_stages(now: Stage | None = None) -> QuerySet[Stage]:
    """The stages a deal may be moved to: those of pipelines in use, and of the one it is in."""
    in_use = Q(pipeline__archived=False)
    if now is not None:
        in_use |= Q(pipeline=now.pipeline_id)
    return Stage.objects.in_order().filter(in_use)


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

    def __init__(self, *args: Any, deal: Deal, stage: Stage | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deal = deal
        stages = cast(forms.ModelChoiceField, self.fields["stage"])
        stages.queryset = offered_stages(deal.stage)
        category = stage.category if stage else ""
        for name, wanted in (
            ("loss_reason", Category.LOST),
            ("unqualified_reason", Category.UNQUALIFIED),
        ):
            if stage and category != wanted:
                del self.fields[name]
        if stage and stage.group == Group.ACTIVE:
            del self.fields["closed_on"]

    def clean_closed_on(self) -> date | None:
        return clean_past(self.cleaned_data["closed_on"])

    def save(self) -> Deal:
        """Move the deal."""
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
        return deal


class LinkForm(forms.Form):
    """One more contact on a deal."""

    contact = ContactChoiceField(label=_("Contact"))
    role = forms.CharField(label=_("Role"), required=False, max_length=120)

    def __init__(self, *args: Any, user: Any, deal: Deal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deal = deal
        contact = cast(ContactChoiceField, self.fields["contact"])
        contact.contacts = Contact.objects.visible_to(user)

    def clean_contact(self) -> Contact:
        contact: Contact = self.cleaned_data["contact"]
        if contact.pk == self.deal.primary_contact_id:
            raise ValidationError(_("This is the main contact; it is on the deal already."))
        if self.deal.links.filter(contact=contact).exists():
            raise ValidationError(_("This contact is on the deal already."))
        return contact


class StarForm(forms.Form):
    """Another main contact, and what becomes of the one before."""

    contact = ContactChoiceField(label=_("Main contact"))
    previous = forms.ChoiceField(
        label=_("The main contact before"),
        choices=[(KEEP, _("Keep on the deal")), (REMOVE, _("Remove from the deal"))],
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, user: Any, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        contact = cast(ContactChoiceField, self.fields["contact"])
        contact.contacts = Contact.objects.visible_to(user)
