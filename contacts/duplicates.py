"""Contacts that may be one and the same: by e-mail, by number, by name.

Only contacts of one kind are compared, for a person and a company are never one: an employee often
has the address and the number of the company.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from contacts.hidden import hidden_of
from contacts.keys import match_email, match_name, match_phone, person_name
from contacts.models import Contact
from contacts.querysets import ContactQuerySet
from contacts.words import alternatives_to, is_one_letter_away, vocabulary_of

SHOWN_AT_MOST = 5
# How many contacts with one key are looked at, and in how many words of a name a letter may differ.
LOOKED_AT = 50
FORGIVEN_AT_MOST = 8
KEYS = ("match_email", "match_phone", "match_name")


class Reason(TextChoices):
    EMAIL = "email", _("same e-mail")
    PHONE = "phone", _("same number")
    NAME = "name", _("same name")
    SIMILAR = "similar", _("similar name")


@dataclass(frozen=True)
class Duplicate:
    """A contact that may be the one in question, and what speaks for it, strongest first.

    ``company`` is the name of its company, where the reader may see that.
    """

    contact: Contact
    reasons: tuple[Reason, ...]
    company: str = ""


@dataclass(frozen=True)
class _Wanted:
    """What is looked for; every key may be empty."""

    is_organization: bool
    name: str
    email: str
    phones: frozenset[str]
    pk: int | None = None

    @classmethod
    def of(cls, subject: Contact | Mapping[str, Any]) -> _Wanted:
        values = vars(subject) if isinstance(subject, Contact) else subject

        def text(name: str) -> str:
            return str(values.get(name) or "")

        is_organization = bool(values.get("is_organization"))
        name = text("name")
        if not is_organization and (text("first_name") or text("last_name")):
            name = person_name(text("first_name"), text("last_name"))
        phones = {match_phone(text("phone"), ""), match_phone(text("mobile"), "")}
        return cls(
            is_organization=is_organization,
            name=match_name(name, is_organization=is_organization),
            email=match_email(text("email")),
            phones=frozenset(phones - {""}),
            pk=values.get("id"),
        )

    def reasons(self, contact: Contact) -> tuple[Reason, ...]:
        """What speaks for ``contact`` being the one that is looked for."""
        found = []
        if self.email and contact.match_email == self.email:
            found.append(Reason.EMAIL)
        if contact.match_phone in self.phones or _numbers(contact) & self.phones:
            found.append(Reason.PHONE)
        if self.name and contact.match_name == self.name:
            found.append(Reason.NAME)
        elif self.name and similar(self.name, contact.match_name):
            found.append(Reason.SIMILAR)
        return tuple(found)


def _numbers(contact: Contact) -> set[str]:
    return {match_phone(contact.phone, ""), match_phone(contact.mobile, "")} - {""}


def duplicates_of(subject: Contact | Mapping[str, Any], user: Any) -> list[Duplicate]:
    """Contacts that ``subject`` may be already, of those that ``user`` may see, likeliest first.

    ``subject`` is a contact, stored or not, or the values of one by field. At most five.
    """
    wanted = _Wanted.of(subject)
    seen = Contact.objects.visible_to(user).filter(is_organization=wanted.is_organization)
    if wanted.pk is not None:
        seen = seen.exclude(pk=wanted.pk)
    found = {contact.pk: contact for contact in _alike(seen, wanted)}
    duplicates = [
        Duplicate(contact, reasons)
        for contact in found.values()
        if (reasons := wanted.reasons(contact))
    ]
    order = list(Reason)
    duplicates.sort(
        key=lambda one: (-len(one.reasons), order.index(one.reasons[0]), one.contact.pk)
    )
    shown = duplicates[:SHOWN_AT_MOST]
    hidden = hidden_of([one.contact.company_id for one in shown], user)
    return [
        replace(one, company=one.contact.company.name)
        if one.contact.company and one.contact.company_id not in hidden
        else one
        for one in shown
    ]


def _alike(seen: ContactQuerySet, wanted: _Wanted) -> list[Contact]:
    """Candidates: each key is a look-up of its own, for one condition of all uses no index."""
    found: list[Contact] = []
    rows = seen.select_related("company").order_by("pk")
    if wanted.email:
        found += rows.filter(match_email=wanted.email).exclude(match_email="")[:LOOKED_AT]
    if wanted.phones:
        found += rows.filter(match_phone__in=wanted.phones).exclude(match_phone="")[:LOOKED_AT]
    if wanted.name:
        found += rows.filter(match_name=wanted.name).exclude(match_name="")[:LOOKED_AT]
        if names := _similar_names(wanted.name):
            found += rows.filter(match_name__in=names).exclude(match_name="")[:LOOKED_AT]
    return found


def similar(name: str, other: str) -> bool:
    """Whether two match names have the same words but for one letter of a longer one."""
    ours, theirs = Counter(name.split()), Counter(other.split())
    left, right = [*(ours - theirs).elements()], [*(theirs - ours).elements()]
    return len(left) == len(right) == 1 and is_one_letter_away(left[0], right[0])


def _similar_names(name: str) -> list[str]:
    """The match names with one letter of ``name`` otherwise that can be made of known words."""
    words = name.split()
    found = alternatives_to(sorted(vocabulary_of(name))[:FORGIVEN_AT_MOST])
    return [
        " ".join(sorted([*words[:at], other, *words[at + 1 :]]))
        for at, word in enumerate(words)
        for other in found.get(word, [])
    ]


# -- all of them at once


def possible_duplicates(contacts: ContactQuerySet, user: Any) -> ContactQuerySet:
    """Those of ``contacts`` that have a possible duplicate among all that ``user`` may see."""
    return contacts.filter(has_possible_duplicate(user))


def has_possible_duplicate(user: Any) -> Q:
    """The condition: another visible contact of its kind has its e-mail, number or name.

    Names are the same word by word here; similar ones would have to be compared pair by pair.
    """
    seen = Contact.objects.visible_to(user).order_by()
    found = Q()
    for key in KEYS:
        # Row by row, by the index of the key: a page of a list stops at its last row, which no
        # grouping of all contacts does.
        filled = seen.exclude(**{key: ""})
        alike = {key: OuterRef(key), "is_organization": OuterRef("is_organization")}
        another = filled.filter(**alike).exclude(pk=OuterRef("pk"))
        found |= Q(Exists(another)) & ~Q(**{key: ""})
    return found
