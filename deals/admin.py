"""Deals, pipelines and their short lists in the admin."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
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
from crm.changes import one_change
from deals.card_forms import offered_reasons, offered_stages
from deals.models import (
    Deal,
    DealChange,
    DealCollaborator,
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
from deals.services import pipelines, undo_merge
from deals.services.reason_lists import delete_reason
from deals.stages import Group

# -- pipelines


class PipelineForm(RefusableForm):
    def _get_validation_exclusions(self) -> set[str]:
        # Another default pipeline takes the place of the one there is, instead of being refused.
        return super()._get_validation_exclusions() | {"is_default"}  # type: ignore[misc]


class ArrangedAdmin(LawfulAdmin):
    """What the services refuse to delete is told, and stays."""

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with one_change():
                return super().delete_view(request, *args, **kwargs)
        except ValidationError as refusal:
            return self._refused(request, refusal)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return super().changelist_view(request, *args, **kwargs)
        try:
            with one_change():
                return super().changelist_view(request, *args, **kwargs)
        except ValidationError as refusal:
            return self._refused(request, refusal)

    def _refused(self, request: HttpRequest, refusal: ValidationError) -> HttpResponse:
        self.message_user(request, " ".join(refusal.messages), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())


class StageInline(admin.TabularInline):
    model = Stage
    extra = 0


@admin.register(Pipeline)
class PipelineAdmin(ArrangedAdmin):
    """Keeps to what the page of Settings keeps to."""

    form = PipelineForm
    inlines = [StageInline]
    list_display = ["name", "position", "is_default", "archived"]

    def save_model(self, request: HttpRequest, obj: Pipeline, form: Any, change: bool) -> None:
        others = list(Pipeline.objects.exclude(pk=obj.pk).select_for_update().order_by("pk"))
        request.missing = list(pipelines.NEEDED)  # type: ignore[attr-defined]
        if change:
            stored = pipelines.locked(obj.pk)
            if not stored.archived:
                request.missing = pipelines.missing_in(stored.stages.all())  # type: ignore[attr-defined]
            if stored.is_default and not obj.is_default:
                raise ValidationError({"is_default": _("Make another one the default instead.")})
        if obj.archived:
            pipelines.check_archivable(obj, others)
        if obj.is_default:
            Pipeline.objects.exclude(pk=obj.pk).filter(is_default=True).update(is_default=False)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        pipeline = form.instance
        for row in (row for formset in formsets for row in formset.initial_forms):
            if "archived" in row.changed_data and row.instance.archived and row.instance.pk:
                pipelines.check_empty(row.instance)
        if not change and not pipeline.stages.exists():
            pipelines.add_usual_stages(pipeline)
        if pipeline.archived:
            return
        before = request.missing if change and "archived" not in form.changed_data else ()  # type: ignore[attr-defined]
        pipelines.check_needs(pipeline, before)

    def delete_model(self, request: HttpRequest, obj: Pipeline) -> None:
        others = list(Pipeline.objects.exclude(pk=obj.pk).select_for_update().order_by("pk"))
        pipelines.check_archivable(obj, others)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for pipeline in queryset:
            self.delete_model(request, pipeline)


@admin.register(Stage)
class StageAdmin(ArrangedAdmin):
    list_display = ["name", "pipeline", "category", "position", "likelihood", "archived"]
    list_filter = ["pipeline", "category"]
    list_select_related = ["pipeline"]
    ordering = ["pipeline__position", "position", "pk"]
    search_fields = ["name"]

    def save_model(self, request: HttpRequest, obj: Stage, form: Any, change: bool) -> None:
        concerned = {obj.pipeline_id, form.initial.get("pipeline") or obj.pipeline_id}
        with ExitStack() as stack:
            for pk in sorted(concerned):
                stack.enter_context(pipelines.changing(pk))
            if change and "archived" in form.changed_data and obj.archived:
                pipelines.check_empty(obj)
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Stage) -> None:
        with pipelines.changing(obj.pipeline_id):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for stage in queryset:
            self.delete_model(request, stage)


class ReasonForm(RefusableForm):
    def clean_name(self) -> str:
        model: Any = self._meta.model
        others = model.objects.exclude(pk=self.instance.pk)
        try:
            return pipelines.clean_name(
                self.cleaned_data["name"], others, _("There is one of this name already.")
            )
        except ValidationError as refusal:
            raise ValidationError(refusal.messages) from None


@admin.register(LossReason, UnqualifiedReason, DealSource)
class ReasonAdmin(ArrangedAdmin):
    """What a deal has is archived; only the rest can be deleted."""

    form = ReasonForm
    list_display = ["name", "position", "archived"]
    search_fields = ["name"]

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_reason(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for reason in queryset:
            delete_reason(reason)


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        deal = self.instance
        if "stage" in self.fields:
            stages = offered_stages(deal.stage if deal.pk else None)
            cast(forms.ModelChoiceField, self.fields["stage"]).queryset = stages
        offered_reasons(self)

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
        page_action("deal", "deal.tags"),
        page_action("deal", "deal.values"),
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


@admin.register(DealCollaborator)
class DealCollaboratorAdmin(ReadOnlyAdmin):
    list_display = ["deal", "user"]
    list_select_related = ["deal", "user"]
