"""Pipelines, reasons, currencies, the account and quiet customers, in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from contacts.models import Contact
from deals.models import DealSource, LossReason, Pipeline, Stage
from deals.services import pipelines as service
from deals.services.quiet import keep_quiet
from settings.models import Tag
from settings.services.account import add_currency, archive_currency, change_account
from tests.deals import factories as make
from tests.e2e.conftest import faults

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützen und alles Weitere"


@pytest.fixture
def ann(db: None) -> Any:
    return get_user_model().objects.create_superuser("ann", language="en")


@pytest.fixture
def world(ann: Any) -> dict[str, Any]:
    """Something in every list of every page, with long names."""
    stages = make.default_stages()
    stages["won"].pipeline.is_default = True
    stages["won"].pipeline.save()
    firm = make.company(LONG)
    for number in range(3):
        make.deal(make.person(f"Lovelace {number}", company=firm), "in_progress")
    old = service.add_pipeline(LONG)
    make.deal(firm, stage=old.stages.first())
    service.archive_pipeline(old)
    service.add_pipeline("Renewals")
    gone = service.add_stage(
        stages["won"].pipeline, name="Once", category="in_progress", likelihood=5
    )
    service.archive_stage(gone)
    for name in ("Price", LONG):
        LossReason.objects.get_or_create(name=name)
        DealSource.objects.get_or_create(name=name, archived=name == LONG)
    add_currency("CHF")
    archive_currency(add_currency("USD"))
    long_ago = timezone.now() - timedelta(days=900)
    for name in (LONG, "Hopper"):
        make.deal(
            make.company(f"{name} customer"), "won", closed_at=long_ago, opened_at=long_ago,
            name=name,
        )  # fmt: skip
    Tag.objects.create(name="Partner", category="contacts")
    change_account(quiet_months=12, name=LONG)
    kept = make.person("Kept")
    make.deal(kept, "won", closed_at=long_ago, opened_at=long_ago)
    keep_quiet(Contact.objects.filter(pk=kept.pk), timezone.localdate() + timedelta(days=30))
    return {**stages, "renewals": Pipeline.objects.get(name="Renewals")}


def addresses(world: dict[str, Any]) -> dict[str, str]:
    stage, empty = world["in_progress"].pk, world["unqualified"].pk
    category = reverse("deals:stage_category", args=[stage])
    move = reverse("deals:stage_move_deals", args=[stage])
    reason = LossReason.objects.get(name="Price").pk
    return {
        "pipelines": reverse("deals:pipelines"),
        "new": reverse("deals:pipeline_new"),
        "archive": reverse("deals:pipeline_archive", args=[world["renewals"].pk]),
        "stage": reverse("deals:stage", args=[stage]),
        "category": f"{category}?category=won",
        "move": f"{move}?then=archive&to={world['lost'].pk}",
        "move wrong": f"{move}?to=x",
        "end": reverse("deals:stage_end", args=[empty, "delete"]),
        "needed": reverse("deals:stage_end", args=[world["won"].pk, "delete"]),
        "reasons": reverse("deals:reasons"),
        "reason": reverse("deals:reason", args=["loss_reason", reason]),
        "sources": reverse("deals:sources"),
        "account": reverse("settings:account"),
        "currencies": reverse("settings:currencies"),
        "quiet": reverse("deals:quiet"),
        "kept": f"{reverse('deals:quiet')}?show=kept",
    }


def test_pages_are_accessible_and_fit(
    visitor: Any, ann: Any, world: dict[str, Any], look: tuple[str, int]
) -> None:
    language, width = look
    ann.language = language
    ann.save()
    page = visitor(ann, language=language, width=width)
    found = {}
    for name, address in addresses(world).items():
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        page.evaluate(
            "document.querySelectorAll('.user-menu').forEach((one) => (one.open = false))"
        )
        found[name] = faults(page)
    assert found == {name: [] for name in found}


def test_a_stage_gets_another_category_by_keyboard(
    visitor: Any, ann: Any, world: dict[str, Any]
) -> None:
    page = visitor(ann)
    page.goto(reverse("deals:pipelines"))
    stage = world["in_progress"]
    page.locator(f"#stage-{stage.pk}").get_by_role("link", name=stage.name, exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="In progress").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Won")).to_be_checked()
    page.keyboard.press("Enter")
    effects = page.get_by_role("region", name="What follows for the statuses")
    expect(effects).to_contain_text("4 contacts")
    expect(effects).to_contain_text("Current Customer")
    expect(page.get_by_role("region", name="Who they are")).to_contain_text("Lovelace 0")
    assert Contact.objects.get(last_name="Lovelace 0").customer_status == "none"
    page.get_by_role("button", name="Change the category").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("means “Won” now")
    assert Contact.objects.get(last_name="Lovelace 0").customer_status == "current"
    assert Stage.objects.get(pk=stage.pk).category == "won"


def test_stages_are_ordered_and_the_place_is_kept(
    visitor: Any, ann: Any, world: dict[str, Any]
) -> None:
    page = visitor(ann)
    page.goto(reverse("deals:pipelines"))
    lost = world["lost"]
    page.get_by_role("button", name=f"Move {lost.name} up").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/settings/pipelines/#stage-{lost.pk}")
    assert Stage.objects.get(pk=lost.pk).position < Stage.objects.get(pk=world["won"].pk).position
    # From there the next stop is the entry itself.
    page.keyboard.press("Tab")
    expect(page.locator(f"#stage-{lost.pk} a.row-title")).to_be_focused()


def test_a_quiet_customer_is_confirmed_and_undone_by_keyboard(
    visitor: Any, ann: Any, world: dict[str, Any]
) -> None:
    page = visitor(ann)
    page.goto(reverse("deals:quiet"))
    page.get_by_role("checkbox", name="Hopper customer").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Mark as Past Customers").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("1 contact marked as Past Customer")
    hopper = Contact.objects.get(name="Hopper customer")
    assert hopper.customer_status == "past"
    assert faults(page) == []
    page.locator("#messages").get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("put back as before")
    hopper.refresh_from_db()
    assert hopper.customer_status == "current"


def test_it_all_works_without_scripts(visitor: Any, ann: Any, world: dict[str, Any]) -> None:
    page = visitor(ann, java_script_enabled=False)
    page.goto(reverse("deals:reasons"))
    form = page.get_by_role("region", name="Loss reasons", exact=True)
    form.get_by_role("textbox", name="Name").fill("Too late")
    form.get_by_role("button", name="Add").click()
    assert LossReason.objects.filter(name="Too late").exists()
    page.goto(reverse("settings:currencies"))
    page.get_by_role("textbox", name="Code").fill("sek")
    page.get_by_role("button", name="Add the currency").click()
    page.get_by_role("button", name="Move SEK up").click()
    page.goto(reverse("settings:account"))
    page.get_by_role("combobox", name="Currency").select_option("SEK")
    page.get_by_role("button", name="Save").click()
    page.goto(reverse("settings:currencies"))
    assert "SEK the account’s own" in page.get_by_role("region", name="Offered").inner_text()
