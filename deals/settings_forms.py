"""The forms of Settings that are about deals."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deals.card_forms import StageChoiceField, date_input
from deals.models import Pipeline, Reason, Stage
from deals.stages import Category
from settings.categories import Category as LabelCategory
from settings.models import Account, Tag

NAME = {"max_length": 120, "widget": forms.TextInput(attrs={"autocomplete": "off"})}
WHAT_THEY_MEAN = {
    Category.INCOMING: _("Not looked at yet. Its deals are active."),
    Category.IN_PROGRESS: _("Being worked on. Its deals are active."),
    Category.WON: _("Sold. Its deals make Current Customers."),
    Category.LOST: _("Not sold. Its deals make Lost Prospects."),
    Category.UNQUALIFIED: _("Never a chance. Its deals make Lost Prospects."),
}


class SettingForm(forms.Form):
    def add_refusal(self, refusal: ValidationError) -> None:
        """Show what a service refused, beside the field in question."""
        if not hasattr(refusal, "error_dict"):
            self.add_error(None, refusal.messages)
            return
        for name, errors in refusal.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)


class NameForm(SettingForm):
    name = forms.CharField(label=_("Name"), **NAME)  # type: ignore[arg-type]


class StageForm(NameForm):
    likelihood = forms.IntegerField(
        label=_("Likelihood in percent"),
        min_value=0,
        max_value=100,
        help_text=_("How likely deals that are here are to be won."),
    )


class NewStageForm(StageForm):
    category = forms.ChoiceField(
        label=_("Category"),
        choices=Category.choices,
        initial=Category.IN_PROGRESS,
        help_text=_("What the stage means for deals, and with them for statuses."),
    )
    field_order = ["name", "category", "likelihood"]


class MoveDealsForm(SettingForm):
    """Where every deal in ``stage`` is to go."""

    to = StageChoiceField(queryset=Stage.objects.none(), label=_("Move them to"))

    def __init__(self, *args: Any, stage: Stage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(StageChoiceField, self.fields["to"])
        field.queryset = Stage.objects.live().in_order().exclude(pk=stage.pk)
        field.several = Pipeline.objects.filter(archived=False).count() > 1


class ReasonForm(NameForm):
    """Another entry of one of the short lists, or another name for one."""

    def __init__(self, *args: Any, reason: Reason | None = None, **kwargs: Any) -> None:
        if reason is not None:
            kwargs.setdefault("initial", {"name": reason.name})
        super().__init__(*args, **kwargs)


class SwitchesForm(SettingForm):
    asks_loss_reason = forms.BooleanField(
        label=_("Ask for the loss reason when a deal is moved to a stage that means lost"),
        required=False,
    )
    asks_unqualified_reason = forms.BooleanField(
        label=_("Ask for the unqualified reason when a deal is moved to a stage that means so"),
        required=False,
    )


class TagsField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, tag: Any) -> str:
        if tag.category == LabelCategory.CONTACTS:
            return tag.name
        return f"{tag.name} ({LabelCategory(tag.category).label})"


class QuietForm(SettingForm):
    """After how many months customers count as quiet, and which never do."""

    quiet_months = forms.IntegerField(
        label=_("Months without a won or an active deal"),
        required=False,
        min_value=1,
        max_value=240,
        help_text=_("Empty: nobody is proposed."),
    )
    quiet_except = TagsField(
        label=_("Never propose contacts with one of these tags"),
        queryset=Tag.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        excepted = list(account.quiet_except.all()) if account.pk else []
        kwargs["initial"] = {"quiet_months": account.quiet_months, "quiet_except": excepted}
        super().__init__(*args, **kwargs)
        tags = Tag.objects.live().filter(
            category__in=[LabelCategory.CONTACTS, LabelCategory.CUSTOMERS]
        )
        cast(TagsField, self.fields["quiet_except"]).queryset = tags


class UntilForm(SettingForm):
    """Until when nobody is to propose somebody."""

    until = forms.DateField(label=_("Keep as customers until"), widget=date_input())

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        today = timezone.localdate()
        if until <= today:
            raise ValidationError(_("Choose a day to come."))
        if until > today + timedelta(days=3_660):
            raise ValidationError(_("Choose a day within the next ten years."))
        return until
