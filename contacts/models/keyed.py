"""The columns that are computed from the texts of a contact, and how saving one keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models

from contacts.keys import (
    KEYS,
    MATCH_EMAIL_LENGTH,
    MATCH_NAME_LENGTH,
    MATCH_PHONE_LENGTH,
    SORT_KEY_LENGTH,
    SOURCES,
    KeyField,
    contact_keys,
    person_name,
    words,
)
from contacts.querysets import KEYED
from contacts.words import remember_words, vocabulary_of

NOTHING: Mapping[str, Any] = {}


class KeyedModel(models.Model):
    """A contact's keys; ``contacts.keys`` says what each of them is for."""

    search_key = models.TextField(editable=False, default="", blank=True)
    sort_key = KeyField(max_length=SORT_KEY_LENGTH, editable=False, default="", blank=True)
    folded = models.JSONField(editable=False, default=dict, blank=True)
    match_name = KeyField(max_length=MATCH_NAME_LENGTH, editable=False, default="", blank=True)
    match_phone = KeyField(max_length=MATCH_PHONE_LENGTH, editable=False, default="", blank=True)
    match_email = KeyField(max_length=MATCH_EMAIL_LENGTH, editable=False, default="", blank=True)

    # Of the contact that these are the keys of.
    is_organization: Any
    first_name: Any
    last_name: Any
    name: Any
    company: Any
    company_id: Any

    class Meta:
        abstract = True

    def set_keys(self, company: str | None = None, kept: Mapping[str, Any] = NOTHING) -> None:
        """Compute the name of a person, and the keys of either.

        ``company`` is the name of its company, where that is known; ``kept`` are the stored
        values of fields that are not going to be saved.
        """
        if not self.is_organization and not kept and not (self.last_name or self.first_name):
            self.last_name = self.name[:120]
        if company is None:
            company = self.company.name if self.company else ""
        values = {name: kept[name] if name in kept else getattr(self, name) for name in SOURCES}
        if not self.is_organization:
            self.name = values["name"] = person_name(values["first_name"], values["last_name"])
        for key, value in contact_keys(values, company).items():
            setattr(self, key, value)

    def keys_to_save(
        self, update_fields: set[str], stored: Mapping[int, Mapping[str, Any]]
    ) -> set[str]:
        """Set the keys that follow from saving these fields; returns what to save with them.

        ``stored`` are the rows of this contact and of its company, by their ids.
        """
        names = {name.removesuffix("_id") for name in update_fields}
        if not KEYED & names:
            return set()
        row = stored[self.pk]
        kept = {name: row[name] for name in SOURCES if name not in names}
        employer = stored.get(self.company_id)
        if "company" not in names and self.company_id != row["company_id"]:
            companies: Any = type(self)._base_manager
            employer = companies.filter(pk=row["company_id"]).values("name").first()
        self.set_keys(employer["name"] if employer else "", kept)
        return {*KEYS} if self.is_organization else {"name", *KEYS}

    def keys_saved(self, stored: Mapping[str, Any] | None = None) -> None:
        """What goes with new keys: the vocabulary, and the keys of employees."""
        fresh = vocabulary_of(self.search_key)
        if stored:
            fresh -= vocabulary_of(stored["search_key"])
            if self.is_organization and words(self.name) != words(stored["name"]):
                contacts: Any = type(self)._base_manager
                contacts.filter(company=self.pk).rekey()
        remember_words(fresh)
