from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from contacts.models import Contact
from crm.accounts.models import User
from deals.models import Deal
from deals.services import check_statuses
from tests.deals.factories import company, deal, default_stages, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin_page(live_server: Any, page: Any) -> Any:
    User.objects.create_superuser("anna", "anna@example.com", "a long password")
    page.complaints = []
    page.on("console", lambda m: m.type == "error" and page.complaints.append(m.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.start = f"{live_server.url}/{settings.ADMIN_PATH}"
    page.goto(page.start)
    page.fill("#id_username", "anna")
    page.fill("#id_password", "a long password")
    page.press("#id_password", "Enter")
    page.wait_for_selector("#user-tools")
    return page


def test_deal_is_won_with_a_contact_found_by_typing(admin_page: Any) -> None:
    employer = company("Bauer AG")
    worker = person("Łukasik", company=employer)
    opened = deal(employer)
    admin_page.goto(f"{admin_page.start}deals/deal/{opened.pk}/change/")
    admin_page.click("text=Add another")
    admin_page.click("#links-0 .select2-selection")
    admin_page.fill(".select2-search__field", "lukas")
    admin_page.click(".select2-results__option:has-text('Łukasik')")
    admin_page.select_option("#id_stage", str(default_stages()["won"].pk))
    admin_page.click("input[name=_save]")
    admin_page.wait_for_selector(".messagelist .success")
    worker.refresh_from_db()
    assert worker.customer_status == "current"
    assert Deal.objects.get().group == "won"
    assert admin_page.complaints == []
    assert check_statuses().differences == []


def test_refused_status_stands_beside_its_field(admin_page: Any) -> None:
    sold_to = company("Bauer AG")
    deal(sold_to, name="Audit")
    admin_page.goto(f"{admin_page.start}contacts/contact/{sold_to.pk}/change/")
    admin_page.select_option("#id_select_prospect", "lost")
    admin_page.click("input[name=_save]")
    refusal = admin_page.text_content(".field-select_prospect .errorlist")
    assert "Bauer AG is being sold to: “Audit”." in refusal
    assert Contact.objects.get().prospect_status == "current"
    assert admin_page.complaints == []


def test_lists_filter_and_act_without_a_complaint(admin_page: Any) -> None:
    contact = company("Bauer AG")
    admin_page.goto(f"{admin_page.start}contacts/contact/?prospect_status=none")
    admin_page.check("input.action-select")
    admin_page.select_option("select[name=action]", "select_customer_past")
    admin_page.click("button[name=index]")
    admin_page.wait_for_selector(".messagelist .success")
    contact.refresh_from_db()
    assert contact.customer_status == "past"
    assert admin_page.complaints == []
