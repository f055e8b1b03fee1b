"""Editing one cell of a list where it stands."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View

from crm.accounts.doors import editable_or_refuse
from crm.lists.registry import Field, Registry, registry_of
from crm.lists.tables import row_as_listed
from crm.retry import retrying


@method_decorator(retrying, name="dispatch")
class CellView(View):
    """One cell of a list, edited where it stands: the form as a fragment, and the row as the list shows it after.

    Without scripts nobody comes here; the page that edits the record does it.
    """

    record: ClassVar[str]
    rows_template: ClassVar[str]
    http_method_names = ["get", "head", "post"]

    # -- what a record type says

    def form_of(self, record: Any, data: QueryDict | None) -> Any:
        """The record's own form."""
        raise NotImplementedError

    def edit_url(self, pk: int) -> str:
        raise NotImplementedError

    def save(self, pk: int, field: Field) -> Any:
        """Lock the record, check what was sent (`checked`), and save it, as one change. Returns the form."""
        raise NotImplementedError

    # -- what they share

    @property
    def registry(self) -> Registry:
        return registry_of(self.record)

    def get(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        field = self._field(name)
        record = editable_or_refuse(self.registry.model(), request.user, pk)
        if not request.htmx:  # type: ignore[attr-defined]
            return redirect(self.edit_url(pk))
        form = self.restricted(self.form_of(record, None), field)
        return self._show(request, record, field, form)

    def post(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        field = self._field(name)
        try:
            form = self.save(pk, field)
        except ValidationError as error:
            form = self._refused(pk, field, error)
        if form is None or not form.is_valid():
            record = get_object_or_404(self.registry.editable(request.user), pk=pk)
            return self._show(request, record, field, form, status=422)
        rows = row_as_listed(self.registry, request.user, request.POST, pk)
        said = _("Saved. It is not among what you may see any more.")
        if rows:
            words = {"field": field.label, "name": rows[0].name}
            said = _("%(field)s of %(name)s is saved.") % words
        context = {"rows": rows, "rows_template": self.rows_template, "said": said}
        return render(request, "lists/_cell_saved.html", context)

    def _refused(self, pk: int, field: Field, error: ValidationError) -> Any:
        """The form that was valid, with what saving it met; nothing is saved."""
        record = get_object_or_404(self.registry.editable(self.request.user), pk=pk)
        form = self.checked(record, field)
        if form is not None and form.is_valid():
            form.add_error(None, error.messages)
        return form

    def _field(self, name: str) -> Field:
        field = self.registry.get(name)
        if field is None or not field.editable:
            raise Http404
        return field

    def restricted(self, form: Any, field: Field) -> Any:
        """The form with this field alone; None for a record that does not have it, as a company has no job title."""
        if field.editable not in form.fields:
            return None
        for name in list(form.fields):
            if name not in (field.editable, "version"):
                del form.fields[name]
        form.auto_id = "cell-%s"
        return form

    def checked(self, record: Any, field: Field) -> Any:
        """The form with what was sent. Where somebody saved the record meanwhile, but not this field, nothing is in
        the way of it.
        """
        data = self.request.POST.copy()
        form = self.restricted(self.form_of(record, None), field)
        if form is None:
            return None
        # What a hidden input held comes back with other ends of lines.
        if data.get("was", "").replace("\r\n", "\n") == shown_value(form, field):
            data["version"] = form.stored_version
        return self.restricted(self.form_of(record, data), field)

    def _show(
        self, request: HttpRequest, record: Any, field: Field, form: Any, status: int = 200
    ) -> HttpResponse:
        stored = self.restricted(self.form_of(record, None), field)
        context = {
            "record": record,
            "field": field,
            "form": form,
            "cell": form[field.editable] if form else None,
            "was": shown_value(stored, field) if stored else "",
            "edit_url": self.edit_url(record.pk),
        }
        answer = render(request, "lists/_cell.html", context, status=status)
        if request.method == "POST":
            answer["HX-Retarget"] = "this"
            answer["HX-Reswap"] = "outerHTML"
        return answer


def shown_value(form: BaseForm, field: Field) -> str:
    """What a form that nothing was typed into has in the field of the cell."""
    value = form[field.editable].value()
    text = str(getattr(value, "pk", value) if value is not None else "")
    return text.replace("\r\n", "\n")
