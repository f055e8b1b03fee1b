"""The words of the field, exactly, in each language."""

from __future__ import annotations

import pytest
from django.utils import translation
from django.utils.translation import gettext

from contacts.statuses import CustomerStatus, ProspectStatus, StatusKind
from deals.stages import Category

WORDS = {
    "en": [
        (StatusKind.PROSPECT, "Prospect Status"),
        (StatusKind.CUSTOMER, "Customer Status"),
        (ProspectStatus.CURRENT, "Current Prospect"),
        (ProspectStatus.LOST, "Lost Prospect"),
        (ProspectStatus.NONE, "Non Prospect"),
        (CustomerStatus.CURRENT, "Current Customer"),
        (CustomerStatus.PAST, "Past Customer"),
        (CustomerStatus.NONE, "Non Customer"),
        (Category.LOST, "Lost"),
        (Category.UNQUALIFIED, "Unqualified"),
        (Category.WON, "Won"),
    ],
    "de": [
        (StatusKind.PROSPECT, "Status des potenziellen Kunden"),
        (StatusKind.CUSTOMER, "Kundenstatus"),
        (ProspectStatus.CURRENT, "Aktueller potenzieller Kunde"),
        (ProspectStatus.LOST, "Verlorener potenzieller Kunde"),
        (ProspectStatus.NONE, "Kein potenzieller Kunde"),
        (CustomerStatus.CURRENT, "Aktueller Kunde"),
        (CustomerStatus.PAST, "Ehemaliger Kunde"),
        (CustomerStatus.NONE, "Kein Kunde"),
        (Category.LOST, "Verloren"),
        (Category.UNQUALIFIED, "Nicht qualifiziert"),
        (Category.WON, "Gewonnen"),
    ],
    "fr": [
        (StatusKind.PROSPECT, "Statut prospect"),
        (StatusKind.CUSTOMER, "Statut client"),
        (ProspectStatus.CURRENT, "Prospect actuel"),
        (ProspectStatus.LOST, "Prospect perdu"),
        (ProspectStatus.NONE, "Non-prospect"),
        (CustomerStatus.CURRENT, "Client actuel"),
        (CustomerStatus.PAST, "Ancien client"),
        (CustomerStatus.NONE, "Non-client"),
        (Category.LOST, "Perdue"),
        (Category.UNQUALIFIED, "Non qualifiée"),
        (Category.WON, "Gagnée"),
    ],
}
PLAIN = {
    "de": {
        "Contacts": "Kontakte",
        "Deals": "Geschäfte",
        "Main contact": "Hauptkontakt",
        "Employees": "Mitarbeiter",
        "pipeline": "Vertriebspipeline",
        "company": "Unternehmen",
    },
    "fr": {
        "Contacts": "Contacts",
        "Deals": "Opportunités de vente",
        "Main contact": "Contact principal",
        "Employees": "Employés",
        "pipeline": "pipeline des ventes",
        "company": "entreprise",
    },
}


@pytest.mark.parametrize("language", WORDS)
def test_statuses_and_stages_have_exactly_the_words_of_the_field(language: str) -> None:
    with translation.override(language):
        shown = [(word, str(word.label)) for word, _text in WORDS[language]]
    assert shown == WORDS[language]


@pytest.mark.parametrize("language", PLAIN)
def test_the_other_terms_are_those_of_the_field(language: str) -> None:
    with translation.override(language):
        assert {word: gettext(word) for word in PLAIN[language]} == PLAIN[language]
