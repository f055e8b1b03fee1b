"""The pages that ask before something is done with many deals, or to contacts with one."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.fields import contact_fields
from crm.bulk.forms import ActionForm, FieldsForm, OwnerForm
from crm.bulk.pages import ActionPage, register_page
from deals.card_forms import StageChoiceField, date_input, offered_stages
from deals.fields import DealChoiceField
from deals.models import Deal, LossReason, Stage, UnqualifiedReason
from settings.fields import ContactField
from settings.label_pages import CustomValuesForm, CustomValuesPage, TagsForm, TagsPage


class StageForm(ActionForm):
    """A stage, and why, where it means that a deal is lost."""

    stage = StageChoiceField(queryset=Stage.objects.none(), label=gettext_lazy("Stage"))
    loss_reason = forms.ModelChoiceField(
        label=gettext_lazy("Loss reason"),
        queryset=LossReason.objects.all(),
        required=False,
        help_text=gettext_lazy("For a stage that means lost."),
    )
    unqualified_reason = forms.ModelChoiceField(
        label=gettext_lazy("Unqualified reason"),
        queryset=UnqualifiedReason.objects.all(),
        required=False,
        help_text=gettext_lazy("For a stage that means unqualified."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stage = cast(StageChoiceField, self.fields["stage"])
        stage.queryset = offered_stages()
        pipelines = set(stage.queryset.values_list("pipeline_id", flat=True))
        stage.several = len(pipelines) > 1

    def params(self) -> dict[str, Any]:
        chosen = {name: self.cleaned_data[name] for name in self.fields}
        return {name: one.pk if one else None for name, one in chosen.items()}


@register_page
class StagePage(ActionPage):
    key = "deal.stage"
    label = gettext_lazy("Move to stage")
    icon = "arrow-right"
    place = 10
    form = StageForm

    def question(self, counted: str) -> str:
        return _("Move %(records)s to a stage") % {"records": counted}

    def hint(self) -> str:
        return _(
            "The statuses of everybody these deals count for follow in the same change. A deal that lacks a field "
            "required in the stage is refused, with the field named."
        )


@register_page
class OwnerPage(ActionPage):
    key = "deal.owner"
    label = gettext_lazy("Set owner")
    icon = "user"
    place = 20
    form = OwnerForm

    def question(self, counted: str) -> str:
        return _("Set the owner of %(records)s") % {"records": counted}


class DealFieldsForm(FieldsForm):
    model = Deal
    names = ("source", "estimated_close_date", "hot", "currency")

    def field_for(self, stored: Any) -> forms.Field:
        field = super().field_for(stored)
        if stored.name == "estimated_close_date":
            field.widget = date_input()
        return field

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"] or "").upper()


@register_page
class FieldsPage(ActionPage):
    key = "deal.set"
    label = gettext_lazy("Set fields")
    icon = "pencil"
    place = 30
    form = DealFieldsForm

    def question(self, counted: str) -> str:
        return _("Set fields of %(records)s") % {"records": counted}


class DealTagsForm(TagsForm):
    record = "deal"


@register_page
class DealTagsPage(TagsPage):
    key = "deal.tags"
    form = DealTagsForm


class DealValuesForm(CustomValuesForm):
    record = "deal"

    def contact_field(self) -> ContactField:
        return contact_fields(self.user, self.contact_ids())


@register_page
class DealValuesPage(CustomValuesPage):
    key = "deal.values"
    form = DealValuesForm
    picks = True


@register_page
class DeletePage(ActionPage):
    key = "deal.delete"
    label = gettext_lazy("Delete")
    icon = "trash"
    place = 90
    dangerous = True

    def question(self, counted: str) -> str:
        return _("Delete %(records)s?") % {"records": counted}

    def hint(self) -> str:
        return _(
            "They go to the trash, from which an administrator can restore them for 30 days. The "
            "statuses of everybody they counted for follow."
        )


class DealForm(ActionForm):
    deal = DealChoiceField(label=gettext_lazy("Deal"))
    role = forms.CharField(label=gettext_lazy("Role"), required=False, max_length=120)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(DealChoiceField, self.fields["deal"])
        field.deals = Deal.objects.editable_by(self.user)

    def params(self) -> dict[str, Any]:
        return {"deal": self.cleaned_data["deal"].pk, "role": self.cleaned_data["role"]}


@register_page
class AddToDealPage(ActionPage):
    key = "contact.add_to_deal"
    label = gettext_lazy("Add to a deal")
    icon = "briefcase"
    place = 40
    form = DealForm
    picks = True

    def question(self, counted: str) -> str:
        return _("Add %(records)s to a deal") % {"records": counted}

    def hint(self) -> str:
        return _("The deal counts for those of them who work for its company.")
