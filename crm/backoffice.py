"""What the admin pages of all apps share: they write through the same law as everybody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Model, ProtectedError, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.guards import is_administrator
from crm.changes import one_change

NAMED_AT_MOST = 5
# Above this an action would outlast the patience of the browser, and of whoever waits for a lock.
ACTED_ON_AT_MOST = 1_000


class BackOffice(admin.AdminSite):
    """For administrators alone, whatever permissions somebody has: it shows what no other page would show them."""

    # Sign-ins and second factors: secrets, and rows that only signing in writes.
    hidden = frozenset({"account", "mfa", "socialaccount", "usersessions"})

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        several = isinstance(model_or_iterable, Iterable)
        models = model_or_iterable if several else [model_or_iterable]
        shown = [one for one in models if one._meta.app_label not in self.hidden]
        super().register(shown, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request.user)

    # One way in, with the second factor, and one page to change a password.

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        following = request.GET.get(REDIRECT_FIELD_NAME, reverse("admin:index"))
        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(following, reverse(settings.LOGIN_URL))

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("account_change_password"))


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the product itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class RefusableForm(forms.ModelForm):
    """A form that shows what a service refused when it was saved, beside the field in question."""

    refusal: ValidationError | None = None
    # The form's field for a field as the service calls it, where the two differ.
    refused_as: dict[str, str] = {}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.refusal is None:
            return
        if not hasattr(self.refusal, "error_dict"):
            self.add_error(None, self.refusal)
            return
        for name, errors in self.refusal.error_dict.items():
            field = self.refused_as.get(name, name)
            self.add_error(field if field in self.fields else None, errors)


class NarrowPaginator(Paginator):
    """Finds the ids of a page in an index first: page 900 over whole, joined rows takes seconds."""

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        rows: Any = self.object_list
        ids = list(rows.values_list("pk", flat=True)[first : first + self.per_page])
        return Page(rows.filter(pk__in=ids), number, self)


class LawfulAdmin(admin.ModelAdmin):
    """A model whose rows statuses rest on, or a contact itself.

    One form, its inlines included, is one change. What a service refuses is taken back as a whole
    and shown in the form, as a refusal of the form's own would be.
    """

    form = RefusableForm
    paginator = NarrowPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        return rows.visible_to(request.user) if hasattr(rows, "visible_to") else rows

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        # The class was made for this request alone.
        form.refusal = getattr(request, "refusal", None)  # type: ignore[attr-defined]
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        try:
            with one_change():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as refusal:
            # Everything is rolled back; the second pass finds the form invalid, and shows it.
            request.refusal = refusal  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, extra_context)

    # A confirmation page lists what protects a record. This is for what came in between.

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError as error:
            return self._protected(request, error)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except ProtectedError as error:
            return self._protected(request, error)

    def _protected(self, request: HttpRequest, error: ProtectedError) -> HttpResponse:
        names = name_some(str(protecting) for protecting in error.protected_objects)
        text = _("Nothing was deleted. In the way: %(names)s.") % {"names": names}
        self.message_user(request, text, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())


def name_some(names: Iterable[str]) -> str:
    """The first few of ``names`` in one text, with how many more there are."""
    names = sorted(names)
    text = ", ".join(_("“%(deal)s”") % {"deal": name} for name in names[:NAMED_AT_MOST])
    more = len(names) - NAMED_AT_MOST
    if more <= 0:
        return text
    return ngettext("%(deals)s and %(more)d more", "%(deals)s and %(more)d more", more) % {
        "deals": text,
        "more": more,
    }


def few_enough(model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> list[Any]:
    """The rows of an action; none, with a message, when they are too many for one request."""
    few = list(rows[: ACTED_ON_AT_MOST + 1])
    if len(few) <= ACTED_ON_AT_MOST:
        return few
    text = _("Nothing was changed. Choose at most %(number)d at a time.")
    model_admin.message_user(request, text % {"number": ACTED_ON_AT_MOST}, messages.ERROR)
    return []


def report_refusals(
    model_admin: admin.ModelAdmin, request: HttpRequest, refusals: list[tuple[str, ValidationError]]
) -> None:
    """Tell per record why it was refused, the first twenty of them."""
    for name, refusal in refusals[:20]:
        reasons = " ".join(refusal.messages)
        text = _("%(name)s: %(reasons)s") % {"name": name, "reasons": reasons}
        model_admin.message_user(request, text, messages.WARNING)
    more = len(refusals) - 20
    if more > 0:
        text = ngettext("%(more)d more was refused.", "%(more)d more were refused.", more)
        model_admin.message_user(request, text % {"more": more}, messages.WARNING)
