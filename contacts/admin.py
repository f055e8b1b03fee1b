"""Contacts in the admin. Statuses are shown, and selected within the rules of the law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import localize
from django.utils.text import format_lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from contacts.models import (
    Contact,
    ContactChange,
    ContactCollaborator,
    ContactDetail,
    ContactTag,
    ContactValue,
    StatusChange,
)
from contacts.statuses import WORDS, CustomerStatus, ProspectStatus, StatusKind
from contacts.words import SearchWord
from crm.backoffice import LawfulAdmin, ReadOnlyAdmin, RefusableForm
from crm.bulk.backoffice import begin, page_action, tell
from deals.services import select_status

NAMES = {
    None: ["is_organization", "name", "first_name", "last_name", "title", "company",
           "parent_company", "industry"],
    True: ["name", "industry", "parent_company"],
    False: ["first_name", "last_name", "title", "company"],
}  # fmt: skip
REACHED_AT = ["email", "phone", "mobile", "website", "language"]
ADDRESS = ["street", "postal_code", "city", "state", "country"]
SELECTIONS = ["select_prospect", "select_customer"]
FACTS = ["active_deals", "won_deals", "lost_deals", "last_won_at", "last_lost_at"]
STANDING = [
    "prospect",
    "prospect_since",
    "prospect_selection",
    "customer",
    "customer_since",
    "customer_selection",
]


class StatusFilter(admin.SimpleListFilter):
    kind: StatusKind

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return WORDS[self.kind].choices

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if value is None:
            return queryset
        if value not in WORDS[self.kind].values:
            raise IncorrectLookupParameters(value)
        return queryset.filter(**{f"{self.kind.value}_status": value})


class ProspectStatusFilter(StatusFilter):
    kind = StatusKind.PROSPECT
    title = gettext_lazy("Prospect Status")
    parameter_name = "prospect_status"


class CustomerStatusFilter(StatusFilter):
    kind = StatusKind.CUSTOMER
    title = gettext_lazy("Customer Status")
    parameter_name = "customer_status"


class ContactAdminForm(RefusableForm):
    refused_as = {"prospect": "select_prospect", "customer": "select_customer"}

    select_prospect = forms.ChoiceField(
        label=gettext_lazy("Select prospect status"),
        required=False,
        choices=[("", gettext_lazy("Leave it as it is")), *ProspectStatus.choices],
    )
    select_customer = forms.ChoiceField(
        label=gettext_lazy("Select customer status"),
        required=False,
        choices=[("", gettext_lazy("Leave it as it is")), *CustomerStatus.choices],
    )

    def _get_validation_exclusions(self) -> set[str]:
        # Of a stored contact the kind is not in the form, and neither are the names of the other
        # kind. The constraints have to be asked all the same.
        asked = {"is_organization", "name", "first_name", "last_name"}
        return super()._get_validation_exclusions() - asked  # type: ignore[misc]


def selecting(kind: StatusKind, value: str) -> Callable[..., None]:
    """An action that selects ``value`` for each chosen contact the law allows it for."""

    def select(model_admin: ContactAdmin, request: HttpRequest, rows: QuerySet) -> None:
        model_admin.select(request, rows, kind, value)

    select.__name__ = f"select_{kind.value}_{value}"
    status = WORDS[kind](value).label
    return admin.action(
        permissions=["change"],
        description=format_lazy(gettext_lazy("Select {status}"), status=status),
    )(select)


class ContactDetailInline(admin.TabularInline):
    model = ContactDetail
    extra = 0


@admin.register(Contact)
class ContactAdmin(LawfulAdmin):
    form = ContactAdminForm
    inlines = [ContactDetailInline]
    list_display = ["shown_name", "company", "prospect", "customer", "owner", "email", "city"]
    list_filter = [ProspectStatusFilter, CustomerStatusFilter, "is_organization", "owner"]
    list_select_related = ["company", "owner"]
    # Only what an index delivers in order.
    sortable_by = ["shown_name"]
    ordering = ["sort_key", "pk"]
    search_fields = ["search_key"]
    search_help_text = gettext_lazy("Name, e-mail or number; accents and capitals do not matter.")
    autocomplete_fields = ["company", "parent_company", "owner"]
    actions = [
        selecting(StatusKind.PROSPECT, ProspectStatus.LOST),
        selecting(StatusKind.PROSPECT, ProspectStatus.NONE),
        selecting(StatusKind.CUSTOMER, CustomerStatus.CURRENT),
        selecting(StatusKind.CUSTOMER, CustomerStatus.PAST),
        selecting(StatusKind.CUSTOMER, CustomerStatus.NONE),
        page_action("contact", "contact.owner"),
        page_action("contact", "contact.set"),
        page_action("contact", "contact.tags"),
        page_action("contact", "contact.values"),
        page_action("contact", "contact.add_to_deal"),
        page_action("contact", "contact.company"),
        "merge_two",
    ]

    # -- the form

    def get_fieldsets(self, request: HttpRequest, obj: Contact | None = None) -> Any:
        names = NAMES[obj.is_organization if obj else None]
        may_select = self.has_change_permission(request, obj) if obj else True
        standing = [*(STANDING if obj else []), *(SELECTIONS if may_select else [])]
        fieldsets: list[Any] = [
            (None, {"fields": [*names, "owner"]}),
            (gettext_lazy("Standing"), {"fields": standing}),
            (gettext_lazy("Reached at"), {"fields": REACHED_AT}),
            (gettext_lazy("Address"), {"fields": ADDRESS, "classes": ["collapse"]}),
            (None, {"fields": ["description"]}),
        ]
        if obj:
            counted = {"fields": [*FACTS, "created_at", "updated_at"], "classes": ["collapse"]}
            fieldsets.append((gettext_lazy("Counted from the deals"), counted))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Contact | None = None) -> list[str]:
        return [*STANDING, *FACTS, "created_at", "updated_at"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        prospect = form.cleaned_data["select_prospect"] or None
        customer = form.cleaned_data["select_customer"] or None
        if prospect or customer:
            select_status(form.instance, prospect=prospect, customer=customer)

    # -- searching

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        if request.GET.get("field_name") in ("company", "parent_company"):
            queryset = queryset.companies()
        return queryset.matching(search_term), False

    # -- actions

    def select(self, request: HttpRequest, rows: Any, kind: StatusKind, value: str) -> None:
        """Select ``value`` for each contact, and tell which were refused and why."""
        try:
            run = begin(request, rows, "contact.status", {kind.value: value}, rows.count())
        except ValidationError as refusal:
            self.message_user(request, " ".join(refusal.messages), messages.ERROR)
            return
        text = ngettext(
            "%(number)d contact is %(status)s.", "%(number)d contacts are %(status)s.", run.done
        )
        values = {"number": run.done, "status": WORDS[kind](value).label}
        tell(self, request, run, text % values)

    @admin.action(permissions=["change"], description=gettext_lazy("Merge two contacts …"))
    def merge_two(self, request: HttpRequest, rows: QuerySet) -> HttpResponse | None:
        """To the page of the product that compares two."""
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:3])
        if len(ids) != 2:
            self.message_user(request, _("Choose exactly two contacts to merge."), messages.ERROR)
            return None
        return redirect(f"{reverse('contacts:merge_two')}?ids={ids[0]},{ids[1]}")

    # -- columns

    @admin.display(description=gettext_lazy("name"), ordering="sort_key")
    def shown_name(self, contact: Contact) -> str:
        return contact.name

    @admin.display(description=gettext_lazy("Prospect Status"))
    def prospect(self, contact: Contact) -> str:
        return str(ProspectStatus(contact.prospect_status).label)

    @admin.display(description=gettext_lazy("Customer Status"))
    def customer(self, contact: Contact) -> str:
        return str(CustomerStatus(contact.customer_status).label)

    @admin.display(description=gettext_lazy("prospect status selected"))
    def prospect_selection(self, contact: Contact) -> str:
        return _selection(contact, StatusKind.PROSPECT)

    @admin.display(description=gettext_lazy("customer status selected"))
    def customer_selection(self, contact: Contact) -> str:
        return _selection(contact, StatusKind.CUSTOMER)


def _selection(contact: Contact, kind: StatusKind) -> str:
    """What was selected, when and by whom: also a selection that later deals outrank."""
    mark = getattr(contact, f"{kind.value}_mark")
    if not mark:
        return ""
    by = getattr(contact, f"{kind.value}_marked_by")
    values = {
        "status": WORDS[kind](mark).label,
        "when": localize(localtime(getattr(contact, f"{kind.value}_marked_at"))),
        "who": by,
    }
    return (_("%(status)s, %(when)s, %(who)s") if by else _("%(status)s, %(when)s")) % values


@admin.register(ContactDetail)
class ContactDetailAdmin(admin.ModelAdmin):
    list_display = ["value", "label", "kind", "contact"]
    list_filter = ["kind"]
    list_select_related = ["contact"]
    ordering = ["-pk"]
    search_fields = ["value"]
    autocomplete_fields = ["contact"]
    show_full_result_count = False


@admin.register(ContactCollaborator)
class ContactCollaboratorAdmin(ReadOnlyAdmin):
    list_display = ["contact", "user"]
    list_select_related = ["contact", "user"]


@admin.register(StatusChange)
class StatusChangeAdmin(ReadOnlyAdmin):
    """The history. Contacts in the trash keep theirs, so that no join may leave rows out."""

    list_display = ["of_contact", "status", "old_label", "new_label", "effective_at", "cause",
                    "deal_name", "actor"]  # fmt: skip
    fields = ["of_contact", "status", "old_label", "new_label", "effective_at", "recorded_at",
              "actor", "cause", "deal_name", "deal_id", "stage_name"]  # fmt: skip
    list_filter = ["status", "cause"]
    list_select_related = False
    ordering = ["-pk"]
    sortable_by = ()
    search_fields = ["contact"]
    search_help_text = gettext_lazy("The contact's name, e-mail or number.")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("contact", "actor")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        if search_term.split():
            found = Contact.objects.visible_to(request.user).matching(search_term).order_by()
            queryset = queryset.filter(contact__in=found.values("pk"))
        return queryset, False

    @admin.display(description=pgettext_lazy("status", "from"))
    def old_label(self, change: StatusChange) -> str:
        return change.old_label

    @admin.display(description=pgettext_lazy("status", "to"))
    def new_label(self, change: StatusChange) -> str:
        return change.new_label

    @admin.display(description=gettext_lazy("contact"))
    def of_contact(self, change: StatusChange) -> str | Model:
        try:
            return change.contact.name
        except Contact.DoesNotExist:
            return _("Deleted contact %(number)d") % {"number": change.contact_id}


@admin.register(SearchWord)
class SearchWordAdmin(ReadOnlyAdmin):
    """The words that a mistyped search is compared with."""

    list_display = ["word"]
    search_fields = ["word"]
    search_help_text = gettext_lazy("A part of the word.")
    show_full_result_count = False


class CarriedAdmin(ReadOnlyAdmin):
    """What contacts carry, as pages and services put it there."""

    ordering = ["-pk"]
    sortable_by = ()
    search_fields = ["contact__search_key"]
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        if search_term.split():
            found = Contact.objects.visible_to(request.user).matching(search_term).order_by()
            queryset = queryset.filter(contact__in=found.values("pk"))
        return queryset, False


@admin.register(ContactTag)
class ContactTagAdmin(CarriedAdmin):
    list_display = ["contact", "tag"]
    list_select_related = ["contact", "tag"]


@admin.register(ContactValue)
class ContactValueAdmin(CarriedAdmin):
    list_display = ["contact", "field", "text", "number", "date", "moment", "yes", "option"]
    list_select_related = ["contact", "field", "option"]


@admin.register(ContactChange)
class ContactChangeAdmin(CarriedAdmin):
    list_display = ["contact_id", "kind", "label", "old", "new", "recorded_at", "actor"]
    fields = ["contact_id", "kind", "label", "old", "new", "recorded_at", "actor"]
    list_select_related = ["actor"]
