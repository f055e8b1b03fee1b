"""What users have of contacts, for handing it over."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.translation import ngettext

from contacts.models import Contact, ContactCollaborator
from crm.accounts.holdings import Holding, hand_collaborations, register
from crm.accounts.models import User


def _hand_contacts(user: User, to: User) -> int:
    return Contact.objects.filter(owner=user).update(owner=to, updated_at=timezone.now())


def _contacts(number: int) -> str:
    text = ngettext("%(number)s contact", "%(number)s contacts", number)
    return text % {"number": intcomma(number)}


def _collaborations(number: int) -> str:
    text = ngettext(
        "%(number)s contact as a collaborator", "%(number)s contacts as a collaborator", number
    )
    return text % {"number": intcomma(number)}


register(
    Holding(
        code="contacts",
        rank=30,
        of=lambda user: Contact.objects.filter(owner=user),
        hand=_hand_contacts,
        counted=_contacts,
    )
)
register(
    Holding(
        code="contact_collaborations",
        rank=40,
        of=lambda user: ContactCollaborator.objects.filter(user=user),
        hand=hand_collaborations(ContactCollaborator, "contact"),
        counted=_collaborations,
    )
)
