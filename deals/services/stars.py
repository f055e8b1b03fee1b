"""Setting another star, and taking deals along when somebody changes jobs."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contacts.models import Contact
from crm.changes import one_change
from deals.models import Deal, DealContact
from deals.querysets import DealQuerySet, companies_of


def set_primary_contact(deal: Deal, contact: Contact, *, keep_previous: bool) -> None:
    """Make ``contact`` the star of ``deal``, and its company the deal's.

    The old star stays on the deal as an associated contact if ``keep_previous``. Setting the
    contact that is the star already changes nothing. Raises ``ValidationError`` for a deal that
    is deleted.
    """
    with one_change():
        stored = Deal.stored_states([deal.pk]).get(deal.pk)
        if stored is None:
            raise ValidationError(_("This deal is deleted."))
        previous_id = stored.primary_contact_id
        if previous_id == contact.pk:
            return
        DealContact.objects.filter(deal=deal, contact=contact).delete()
        deal.primary_contact = contact
        deal.company_id = companies_of({contact.pk}).get(contact.pk)
        deal.save(update_fields=["primary_contact", "company"])
        if keep_previous:
            DealContact.objects.get_or_create(deal=deal, contact_id=previous_id)


def move_active_deals(person: Contact, *, among: DealQuerySet | None = None) -> list[Deal]:
    """Give the active deals that ``person`` is the star of the company it works for now; those ``among`` these alone,
    if any are given.

    What the page offers after a change of jobs. Returns the deals that moved.
    """
    if person.is_organization:
        raise ValidationError(_("Only a person changes jobs."))
    with one_change():
        company_id = companies_of({person.pk}).get(person.pk)
        if company_id is None:
            raise ValidationError(
                _("%(name)s has no company to move deals to.") % {"name": person.name}
            )
        deals = list(
            (Deal.objects.all() if among is None else among)
            .active()
            .filter(primary_contact=person)
            .exclude(company=company_id)
        )
        for deal in deals:
            deal.company_id = company_id
        Deal.objects.bulk_update(deals, ["company"])
        return deals
