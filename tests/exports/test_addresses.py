"""Copying the e-mail addresses of a small selection."""

from __future__ import annotations

from email.utils import parseaddr

import pytest

from contacts.models import Contact
from crm.exports.services import named_address
from tests.exports.people import posted, signed_in

pytestmark = pytest.mark.django_db


def person(last_name: str, email: str = "") -> Contact:
    return Contact.objects.create(first_name="Ada", last_name=last_name, email=email)


def test_page_has_each_address_once_with_and_without_names() -> None:
    person("Blum", "blum@example.org"), person("Carl", "BLUM@example.org"), person("Dorn")
    page = signed_in().post("/contacts/addresses/", posted()).content.decode()
    assert page.count("blum@example.org") == 2
    assert "BLUM" not in page
    assert "Ada Blum &lt;blum@example.org&gt;" in page
    assert "1 address." in page
    assert "1 contact has none." in page
    assert page.count("<textarea") == page.count(" readonly ") == 2


def test_fragment_is_given_to_htmx() -> None:
    person("Blum", "a@example.org")
    response = signed_in().post("/contacts/addresses/", posted(), headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()
    assert "a@example.org" in response.content.decode()


def test_addresses_of_hundreds_are_refused() -> None:
    Contact.objects.bulk_create(
        Contact(last_name=f"P{number}", email=f"p{number}@example.org") for number in range(201)
    )
    client = signed_in()
    response = client.post("/contacts/addresses/", posted())
    assert response.status_code == 400
    assert "at most 200" in response.content.decode()
    assert "p1@example.org" not in response.content.decode()
    Contact.objects.filter(last_name="P0").delete()
    assert client.post("/contacts/addresses/", posted()).status_code == 200


@pytest.mark.parametrize("name", ["Ada Blum", "Blum, Ada", 'Ada "A" Blum', "Ada\nBlum", "Ää <x@y>"])
def test_mail_programs_read_the_name_and_one_address(name: str) -> None:
    assert parseaddr(named_address(name, "a@example.org")) == (
        name.replace("\n", " "),
        "a@example.org",
    )
