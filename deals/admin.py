"""Deals, pipelines and their short lists in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.backoffice import (
    LawfulAdmin,
    ReadOnlyAdmin,
    RefusableForm,
    few_enough,
    report_refusals,
)
from crm.bulk.backoffice import page_action
from deals.models import (
    Deal,
    DealChange,
    DealContact,
    DealParty,
    DealSource,
    DealTag,
    DealValue,
    KeptQuiet,
    LossReason,
    MergeRecord,
    Pipeline,
    RequiredAt,
    Stage,
    UnqualifiedReason,
)
from deals.services import undo_merge
from deals.stages import Group

# -- pipelines


class PipelineForm(RefusableForm):
    def _get_validation_exclusions(self) -> set[str]:
        # Another default pipeline takes the place of the one there is, instead of being refused.
        return super()._get_validation_exclusions() | {"is_default"}  # type: ignore[misc]


class StageInline(admin.TabularInline):
    model = Stage
    extra = 0


@admin.register(Pipeline)
class PipelineAdmin(LawfulAdmin):
    form = PipelineForm
    inlines = [StageInline]
    list_display = ["name", "position", "is_default", "archived"]

    def save_model(self, request: HttpRequest, obj: Pipeline, form: Any, change: bool) -> None:
        if obj.is_default:
            Pipeline.objects.exclude(pk=obj.pk).filter(is_default=True).update(is_default=False)
        super().save_model(request, obj, form, change)


@admin.register(Stage)
class StageAdmin(LawfulAdmin):
    list_display = ["name", "pipeline", "category", "position", "likelihood"]
    list_filter = ["pipeline", "category"]
    list_select_related = ["pipeline"]
    ordering = ["pipeline__position", "position", "pk"]
    search_fields = ["name"]


@admin.register(LossReason, UnqualifiedReason, DealSource)
class ReasonAdmin(admin.ModelAdmin):
    list_display = ["name", "position"]
    search_fields = ["name"]


# -- deals


class StageChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, stage: Model) -> str:
        return _stage_label(stage)


class StageFilter(admin.RelatedFieldListFilter):
    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [(stage.pk, _stage_label(stage)) for stage in Stage.objects.in_order()]


def _stage_label(stage: Any) -> str:
    values = {"pipeline": stage.pipeline.name, "stage": stage.name}
    return _("%(pipeline)s: %(stage)s") % values


class DealForm(RefusableForm):
    keep_previous = forms.BooleanField(
        label=gettext_lazy("Keep the former main contact on the deal"),
        required=False,
        help_text=gettext_lazy(
            "For when you choose another main contact: the former one becomes an associated contact."
        ),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        stage, closed_at = values.get("stage"), values.get("closed_at")
        if stage is None or "closed_at" in self.errors:
            return values
        stored = None if self.instance._state.adding else Deal.objects.get(pk=self.instance.pk)
        # A deal that enters another group gets its date, or loses it, with that.
        if stored is not None and stored.group != stage.group:
            return values
        if stage.group == Group.ACTIVE and closed_at:
            self.add_error("closed_at", _("An active deal has no close date."))
        if stored is not None and stage.group != Group.ACTIVE and not closed_at:
            self.add_error("closed_at", _("A closed deal has a close date."))
        return values


class DealContactForm(forms.ModelForm):
    def _post_clean(self) -> None:
        # A row that nobody touched may be of the contact that becomes the main one: the row goes
        # with that, and is no mistake of whoever fills in the form.
        if self.instance._state.adding or self.has_changed():
            super()._post_clean()  # type: ignore[misc]


class DealContactInline(admin.TabularInline):
    model = DealContact
    form = DealContactForm
    extra = 0
    autocomplete_fields = ["contact"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("contact")


@admin.register(Deal)
class DealAdmin(LawfulAdmin):
    form = DealForm
    inlines = [DealContactInline]
    list_display = ["name", "primary_contact", "company", "stage", "group", "value", "currency",
                    "owner", "opened_at"]  # fmt: skip
    list_filter = ["group", ("stage", StageFilter), "hot", "owner"]
    list_select_related = ["primary_contact", "company", "stage", "owner"]
    # Only what an index delivers in order.
    sortable_by = ["opened_at"]
    search_fields = ["sort_key"]
    search_help_text = gettext_lazy(
        "The deal's name, or its main contact's name, e-mail or number."
    )
    autocomplete_fields = ["primary_contact", "owner"]
    actions = [
        page_action("deal", "deal.stage"),
        page_action("deal", "deal.owner"),
        page_action("deal", "deal.set"),
    ]
    readonly_fields = ["company", "group", "stage_changed_at", "stage_changed_by", "created_at",
                       "updated_at"]  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Deal | None = None) -> Any:
        may_change = obj is not None and self.has_change_permission(request, obj)
        star = ["primary_contact", *(["keep_previous"] if may_change else [])]
        follows = ["group", "stage_changed_at", "stage_changed_by", "created_at", "updated_at"]
        return [
            (None, {"fields": ["name", *star, *(["company"] if obj else [])]}),
            (
                gettext_lazy("Progress"),
                {"fields": ["stage", "opened_at", "closed_at", "estimated_close_date",
                            "loss_reason", "unqualified_reason"]},
            ),
            (None, {"fields": ["value", "currency", "owner", "source", "hot"]}),
            *([(gettext_lazy("Follows"), {"fields": follows})] if obj else []),
        ]  # fmt: skip

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "stage":
            kwargs["form_class"] = StageChoiceField
            kwargs["queryset"] = Stage.objects.in_order()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return queryset.matching(search_term), False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        former = form.initial.get("primary_contact")
        if change and form.cleaned_data["keep_previous"] and "primary_contact" in form.changed_data:
            DealContact.objects.get_or_create(deal=form.instance, contact_id=former)


# -- merges


@admin.register(MergeRecord)
class MergeRecordAdmin(ReadOnlyAdmin):
    """What was merged into what. Whoever may change contacts may undo it here."""

    list_display = ["merged_name", "survivor_name", "merged_at", "merged_by", "undone_at",
                    "undone_by"]  # fmt: skip
    fields = ["merged_name", "survivor_name", "merged_at", "merged_by", "undone_at", "undone_by"]
    list_select_related = ["merged_by", "undone_by"]
    ordering = ["-pk"]
    sortable_by = ()
    search_fields = ["merged_name", "survivor_name"]
    show_full_result_count = False
    actions = ["undo"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("data")

    def has_undo_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("contacts.change_contact")  # type: ignore[union-attr]

    @admin.action(permissions=["undo"], description=gettext_lazy("Undo merges"))
    def undo(self, request: HttpRequest, rows: Any) -> None:
        """Undo each merge, and tell what stayed as it is and which could not be undone."""
        refusals = []
        for record in few_enough(self, request, rows.editable_by(request.user).order_by("-pk")):
            try:
                left = undo_merge(record)
            except ValidationError as refusal:
                refusals.append((record.merged_name, refusal))
                continue
            names = {"merged": record.merged_name, "survivor": record.survivor_name}
            done = _("%(merged)s and %(survivor)s are two contacts again.") % names
            self.message_user(request, " ".join([done, *left]), messages.SUCCESS)
        report_refusals(self, request, refusals)


@admin.register(DealContact)
class DealContactAdmin(LawfulAdmin):
    list_display = ["contact", "deal", "role"]
    list_select_related = ["contact", "deal"]
    ordering = ["-pk"]
    search_fields = ["contact__search_key"]
    autocomplete_fields = ["contact", "deal"]

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return _of_contacts(queryset, search_term), False


@admin.register(DealParty)
class DealPartyAdmin(ReadOnlyAdmin):
    """Whom each deal counts for, as the status service wrote it down."""

    list_display = ["contact", "deal", "kept", "joined_at"]
    list_filter = ["kept"]
    list_select_related = ["contact", "deal"]
    ordering = ["-pk"]
    sortable_by = ()
    search_fields = ["contact__search_key"]
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return _of_contacts(queryset, search_term), False


def _of_contacts(rows: QuerySet, text: str) -> QuerySet:
    """Those of ``rows`` whose contact matches; a subquery, for a join is slower."""
    if not text.split():
        return rows
    contacts = rows.model._meta.get_field("contact").related_model.objects.matching(text)
    return rows.filter(contact__in=contacts.order_by().values("pk"))


class CarriedAdmin(ReadOnlyAdmin):
    """What deals carry, as pages and services put it there."""

    ordering = ["-pk"]
    sortable_by = ()
    show_full_result_count = False


@admin.register(DealTag)
class DealTagAdmin(CarriedAdmin):
    list_display = ["deal", "tag"]
    list_select_related = ["deal", "tag"]


@admin.register(DealValue)
class DealValueAdmin(CarriedAdmin):
    list_display = ["deal", "field", "text", "number", "date", "moment", "yes", "option"]
    list_select_related = ["deal", "field", "option"]


@admin.register(DealChange)
class DealChangeAdmin(CarriedAdmin):
    list_display = ["deal_id", "kind", "label", "old", "new", "recorded_at", "actor"]
    fields = ["deal_id", "kind", "label", "old", "new", "recorded_at", "actor"]
    list_select_related = ["actor"]


@admin.register(RequiredAt)
class RequiredAtAdmin(ReadOnlyAdmin):
    list_display = ["field", "stage"]
    list_select_related = ["field", "stage"]


@admin.register(KeptQuiet)
class KeptQuietAdmin(ReadOnlyAdmin):
    list_display = ["contact", "until", "set_by"]
    list_select_related = ["contact", "set_by"]
