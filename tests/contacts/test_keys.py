"""Search and sort keys: one folded form of a text, the same on every database."""

from __future__ import annotations

import pytest

from contacts.keys import digits, fold, match_name, match_phone
from contacts.models import Contact
from tests.deals.factories import company, person


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Äpfel  Straße", "apfel strasse"),
        ("ÄPFEL STRASSE", "apfel strasse"),
        ("Łódź", "lodz"),
        ("ØRSTED", "orsted"),
        ("Cœur", "coeur"),
        ("ﬁn", "fin"),
        ("e\u0301te\u0301", "ete"),
        ("  A\tB\n", "a b"),
        ("İstanbul", "istanbul"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(fold(text)) == folded


def test_digits_of_a_number() -> None:
    assert digits("+49 (30) 12-34") == "49301234"


@pytest.mark.django_db
def test_umlauts_sort_beside_their_letters() -> None:
    for name in ("Zebra", "Apfel", "Äpfel", "aprikose", "Öl", "Obst", "_x", "Ñandú", "Nase"):
        company(name)
    names = list(Contact.objects.values_list("name", flat=True))
    assert names == ["_x", "Apfel", "Äpfel", "aprikose", "Ñandú", "Nase", "Obst", "Öl", "Zebra"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["müller", "MULLER", "jo mü", "4930", "+49 30 1234", "(0) 30 12", "JO@EXAMPLE"]
)
def test_contact_is_found_by_what_people_type(text: str) -> None:
    jo = person(
        "Müller", first_name="Jo", phone="+49 30 1234", mobile="0 3012", email="Jo@example.org"
    )
    person("Meyer")
    assert list(Contact.objects.matching(text)) == [jo]


@pytest.mark.django_db
def test_keys_follow_every_way_to_write_a_name() -> None:
    jo = person("Müller")
    Contact.objects.filter(pk=jo.pk).update(last_name="Öztürk")
    assert Contact.objects.get().name == "Öztürk"
    assert list(Contact.objects.matching("ozturk")) == [jo]
    jo.last_name = "Ågren"
    Contact.objects.bulk_update([jo], ["last_name"])
    assert Contact.objects.get().sort_key == "agren"
    jo.refresh_from_db()
    jo.last_name = "Çelik"
    jo.save(update_fields=["last_name"])
    stored = Contact.objects.get()
    assert (stored.name, stored.sort_key, stored.search_key) == ("Çelik", "celik", " celik ")
    Contact.objects.bulk_create([Contact(last_name="Éluard", phone="030")])
    assert Contact.objects.matching("eluard").get().search_key == " eluard 030 "


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("Müller & Söhne GmbH & Co. KG", "muller sohne"),
        ("Söhne, Müller", "muller sohne"),
        ("Acme S.A.R.L.", "acme"),
        ("Acme Inc.", "acme"),
        ("ACME", "acme"),
        ("AG", "ag"),
        ("Co. KG", "co kg"),
        ("†", ""),
    ],
)
def test_companies_match_without_their_legal_form(name: str, match: str) -> None:
    assert match_name(name, is_organization=True) == match


def test_people_match_in_any_order_and_keep_what_is_a_legal_form_elsewhere() -> None:
    assert match_name("Ong, Sa", is_organization=False) == "ong sa"
    assert match_name("Sa Ong", is_organization=False) == "ong sa"


@pytest.mark.parametrize(
    ("phone", "mobile", "match"),
    [
        ("+49 30 1234567", "", "301234567"),
        ("030 / 123 45-67", "0170 1", "301234567"),
        ("12345", "0170 123456", "170123456"),
        ("12345", "", ""),
        ("٠٣٠ ١٢٣٤٥٦٧", "", "301234567"),
    ],
)
def test_numbers_match_by_their_last_nine_digits(phone: str, mobile: str, match: str) -> None:
    assert match_phone(phone, mobile) == match


@pytest.mark.django_db
def test_match_keys_follow_every_way_to_write_a_contact() -> None:
    jo = person("Müller", first_name="Jo", email="Jo@Example.org", phone="+49 30 1234567")
    keys = Contact.objects.values_list("match_name", "match_email", "match_phone")
    assert keys.get() == ("jo muller", "jo@example.org", "301234567")
    Contact.objects.filter(pk=jo.pk).update(last_name="Öztürk", email="", phone="12")
    assert keys.get() == ("jo ozturk", "", "")
    # What is not saved stays as it is stored, in the keys too.
    jo.save(update_fields=["last_name"])
    assert keys.get() == ("jo muller", "", "")
    jo.save()
    assert keys.get() == ("jo muller", "jo@example.org", "301234567")
