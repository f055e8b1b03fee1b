"""What recipients have for merge fields: of what the author may see, in the recipient's language."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.accounts.levels import Level
from crm.accounts.models import User
from deals.models import Deal, DealContact
from emails import ledger
from emails.models import Mailing
from emails.values import known_names, languages_for, merge_fields, values_for
from settings.models import Account, CustomField
from settings.services import set_values
from tests.access.worlds import administrator, member
from tests.deals.factories import company, deal, person
from tests.labels.worlds import made_field

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> User:
    return administrator()


def mail(text: str = "", **more: Any) -> Mailing:
    return Mailing.objects.create(text=text, **more)


def given(contact: Contact, user: User, *names: str, mailing: Mailing | None = None) -> list[str]:
    """What the contact has for these fields."""
    found = values_for(mailing or mail(), [contact.pk], user, names=names)[contact.pk]
    return [found[name] for name in names]


def valued(field: CustomField, record: Any, value: Any) -> None:
    kind = "deal" if isinstance(record, Deal) else "contact"
    set_values(kind, {record.pk: {field.pk: value}})


def test_fields_have_english_names_that_say_what_they_are(root):
    names = {one.name for one in merge_fields("contact", root)}
    assert {
        "first_name",
        "company_name",
        "owner_email",
        "customer_status",
        "last_won_date",
    } <= names
    assert "deal_name" not in names
    assert "deal_name" in {one.name for one in merge_fields("deal", root)}
    assert all(name.isascii() and name.isidentifier() for name in names)


def test_a_contact_its_company_and_its_owner(root):
    root.email, root.last_name = "root@example.com", "Miller"
    root.save()
    acme = company("Acme", city="Bonn", website="https://acme.example/")
    ann = person(
        "Lee",
        first_name="Ann",
        title="CTO",
        city="Köln",
        email="a@example.com",
        company=acme,
        owner=root,
    )
    names = (
        "first_name",
        "name",
        "job_title",
        "city",
        "company_name",
        "company_website",
        "owner_name",
    )
    assert given(ann, root, *names) == [
        "Ann", "Ann Lee", "CTO", "Köln", "Acme", "https://acme.example/", "Root Miller",
    ]  # fmt: skip
    assert given(ann, root, "owner_email", "owner_first_name") == ["root@example.com", "Root"]
    assert given(acme, root, "company_name", "company_city", "owner_name") == ["Acme", "Bonn", ""]


def test_only_what_the_mail_names_is_looked_up(root):
    ann = person("Lee", first_name="Ann")
    mailing = mail(
        '{{ first_name | "x" }}',
        subject="For {{ last_name }}",
        html="<p>{{ city }}{{ nonsense }}</p>",
    )
    found = values_for(mailing, [ann.pk], root)
    assert found == {ann.pk: {"first_name": "Ann", "last_name": "Lee", "city": ""}}


def test_whom_the_author_does_not_see_has_no_values(root):
    anna = member("anna", contacts=Level.OWN, customers=Level.OWN)
    mine, other = person("Mine", owner=anna), person("Other", owner=root)
    assert set(values_for(mail(), [mine.pk, other.pk], anna, names=["name"])) == {mine.pk}


def test_a_company_that_the_author_does_not_see_is_as_if_there_were_none(root):
    anna = member("anna", contacts=Level.OWN, customers=Level.OWN)
    acme = company("Acme", city="Bonn", owner=root)
    ann = person("Lee", company=acme, owner=anna)
    assert given(ann, anna, "company_name", "company_city") == ["", ""]
    assert given(ann, root, "company_name", "company_city") == ["Acme", "Bonn"]


def test_statuses_dates_and_numbers_are_in_the_language_of_the_recipient(root):
    ann, anne = person("Lee", language="de"), person("Martin", language="fr")
    for one in (ann, anne):
        deal(
            one,
            "won",
            value=Decimal("1234567.5"),
            name="Roof",
            closed_at=datetime(2026, 3, 4, 12, tzinfo=UTC),
        )
    names = ("customer_status", "last_won_date", "last_won_value", "last_won_deal", "won_deals")
    german, french = given(ann, root, *names), given(anne, root, *names)
    assert german[1:] == ["4. März 2026", "1.234.567,50\u00a0EUR", "Roof", "1"]
    assert french[1] == "4 mars 2026"
    assert german[0] != french[0]


@pytest.mark.parametrize(
    ("own", "account", "written", "expected"),
    [("fr", "de", "en", "fr"), ("", "de", "en", "de"), ("", "", "fr", "fr"), ("", "", "xx", "en")],
)
def test_ones_own_language_goes_before_the_accounts_and_that_before_the_mails(
    own, account, written, expected
):
    Account(language=account).save()
    ann = person("Lee", language=own)
    assert languages_for(mail(language=written), [ann.pk, 999_999]) == {ann.pk: expected}


def test_the_day_of_a_deal_is_that_of_the_account(root):
    Account(time_zone="Pacific/Auckland").save()
    ann = person("Lee")
    deal(ann, "won", closed_at=datetime(2026, 3, 4, 22, tzinfo=UTC))
    assert given(ann, root, "last_won_date") == ["March 5, 2026"]


def test_a_deal_that_the_author_does_not_see_is_told_of_nowhere(root):
    anna = member("anna", deals=Level.OWN)
    ann = person("Lee")
    deal(ann, "won", name="Old", owner=anna, closed_at=datetime(2025, 1, 1, tzinfo=UTC))
    deal(ann, "won", name="New", owner=root, closed_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert given(ann, root, "last_won_deal") == ["New"]
    # The older one would be called the last.
    assert given(ann, anna, "last_won_deal", "last_won_date", "last_won_value") == ["", "", ""]


def test_who_sees_no_deals_is_offered_none(root):
    anna = member("anna", deals=Level.NONE)
    names = {one.name for one in merge_fields("deal", anna)}
    assert not {"last_won_deal", "deal_name"} & names
    ann = person("Lee")
    deal(ann, "won")
    assert given(ann, anna, "last_won_deal") == [""]


def test_a_mailing_to_deals_tells_of_the_deal_that_brought_the_contact(root):
    ann = person("Lee", email="a@example.com")
    deal(ann, name="Other", value=Decimal(1))
    roof = deal(
        ann,
        name="Roof",
        value=Decimal(1200),
        currency="USD",
        estimated_close_date=date(2026, 12, 24),
    )
    DealContact.objects.create(deal=roof, contact=person("Else", email="e@example.com"))
    area = made_field("Area", "whole", "deals")
    valued(area, roof, 1500)
    chosen = [["scope", "rows"], ["state", ""], ["row", str(roof.pk)]]
    mailing = mail(record="deal", selection=chosen, author=root)
    ledger.write(mailing, root)
    names = ("deal_name", "deal_value", "deal_stage", "deal_expected_close", "deal_closed")
    assert given(ann, root, *names, f"custom_{area.pk}", mailing=mailing) == [
        "Roof", "1,200\u00a0USD", "Incoming", "Dec. 24, 2026", "", "1,500",
    ]  # fmt: skip
    anna = member("anna", deals=Level.OWN)
    assert given(ann, anna, "deal_name", f"custom_{area.pk}", mailing=mailing) == ["", ""]


# -- custom fields


def test_custom_fields_keep_their_name_when_they_are_renamed(root):
    size = made_field("Size", "whole")
    ann = person("Lee", language="de")
    valued(size, ann, 12000)
    name = f"custom_{size.pk}"
    assert given(ann, root, name) == ["12.000"]
    size.name = "Area"
    size.save()
    labels = {one.name: one.label for one in merge_fields("contact", root)}
    assert labels[name] == "Area"
    assert given(ann, root, name) == ["12.000"]


def test_a_field_of_prospects_and_customers_tells_nothing_of_who_is_neither(root):
    plan = made_field("Plan", "text", "customers")
    ann = person("Lee")
    sale = deal(ann)
    valued(plan, ann, "Gold")
    assert given(ann, root, f"custom_{plan.pk}") == ["Gold"]
    sale.delete()
    assert given(ann, root, f"custom_{plan.pk}") == [""]


def test_fields_of_a_category_that_the_author_does_not_see_are_not_offered(root):
    plan, size = made_field("Plan", "text", "customers"), made_field("Size", "text")
    anna = member("anna", customers=Level.NONE)
    assert f"custom_{size.pk}" in known_names("contact", anna)
    assert f"custom_{plan.pk}" not in known_names("contact", anna)
    assert f"custom_{plan.pk}" in known_names("contact", root)


def test_a_hidden_contact_in_a_field_has_no_name(root):
    anna = member("anna", contacts=Level.OWN, customers=Level.OWN)
    partner = made_field("Partner", "contact")
    ann = person("Lee", owner=anna)
    valued(partner, ann, person("Secret", owner=root).pk)
    assert given(ann, root, f"custom_{partner.pk}") == ["Secret"]
    assert given(ann, anna, f"custom_{partner.pk}") == [""]


def test_a_web_address_in_a_field_may_be_a_link(root):
    page, size = made_field("Page", "url"), made_field("Size", "text")
    links = {one.name for one in merge_fields("contact", root) if one.is_link}
    assert f"custom_{page.pk}" in links
    assert f"custom_{size.pk}" not in links


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://example.com", "example.com"])
def test_what_is_no_web_address_is_no_website(root, address):
    ann = person("Lee")
    Contact.objects.filter(pk=ann.pk).update(website=address)
    assert given(ann, root, "website") == [""]


# -- cost


@pytest.mark.parametrize("who", ["root", "anna"])
def test_the_number_of_statements_does_not_depend_on_how_many_recipients_there_are(root, who):
    user = root if who == "root" else member("anna", contacts=Level.TEAM, deals=Level.OWN)
    fields = [
        made_field(name, kind, category)
        for category in ("contacts", "customers")
        for name, kind in (("User", "user"), ("Contact", "contact"), ("Sum", "money"))
    ]
    chosen = [["scope", "all"], ["state", ""], ["count", "0"]]
    mailing = mail(record="deal", selection=chosen, author=user)
    ids, counts = [], []
    for number in (2, 10):
        for _one in range(number):
            ann = person(
                owner=user, company=company(owner=user), language=("de", "fr", "en")[number % 3],
                email=f"a{len(ids)}@example.com",
            )  # fmt: skip
            deal(ann, "won", owner=user)
            for field in fields:
                valued(field, ann, {"user": user.pk, "contact": ann.pk, "money": 5}[field.type])
            ids.append(ann.pk)
        ledger.write(mailing, user)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            found = values_for(mailing, ids, user, names=known_names("deal", user))
        assert len(found) == len(ids)
        assert all(one["deal_name"] and one["company_name"] for one in found.values())
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 12
