"""Cells of the list of contacts, edited in place."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.forms import CompanyForm, PersonForm
from contacts.models import Contact
from crm.accounts.doors import editable_or_refuse
from crm.changes import one_change
from crm.lists.cell_views import CellView
from crm.lists.registry import Field
from deals.notices import offer_to_move_along, tell
from deals.services import lock_deals_of


class ContactCell(CellView):
    record = "contact"
    rows_template = "contacts/_rows.html"

    def form_of(self, record: Contact, data: QueryDict | None) -> Any:
        kind = CompanyForm if record.is_organization else PersonForm
        return kind(data, instance=record, user=self.request.user)

    def edit_url(self, pk: int) -> str:
        return reverse("contacts:edit", args=[pk])

    def save(self, pk: int, field: Field) -> Any:
        with one_change() as change:
            # As the page that edits a contact locks: deals before contacts.
            lock_deals_of([pk])
            locked = Contact.objects.select_for_update(no_key=True)
            contact = editable_or_refuse(locked, self.request.user, pk)
            employer = contact.company_id
            form = self.checked(contact, field)
            saved = form is not None and form.is_valid()
            if saved:
                form.save()
        if saved:
            if change.status_changes:
                tell(self.request, _("%(name)s is saved.") % {"name": contact.name}, change)
            if contact.company_id != employer:
                offer_to_move_along(self.request, contact)
        return form
