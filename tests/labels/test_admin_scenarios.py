"""The two categories of contacts, case by case, through the admin where it can do the step, else through the pages."""

from __future__ import annotations

from typing import Any

import pytest

from settings.models import Removal, Tag
from tests.labels.test_page_scenarios import Pages
from tests.labels.test_scenarios import SCENARIOS
from tests.labels.worlds import take
from tests.site.admin_pages import AdminPages, admin_pages, administrator  # noqa: F401


class Admin(Pages):
    """Tags are made, and tags and fields renamed and deleted, as a superuser does it in the back office."""

    def __init__(self, scenario: dict[str, Any], pages: AdminPages) -> None:
        self.pages = pages
        super().__init__(scenario, pages.client)

    def make(self, tag: str) -> None:
        category, name = tag.split("/")
        assert self.pages.add(Tag, name=name, category=category, color="gray").status_code == 302

    def _renamed(self, to: str, **which: str) -> Any:
        return self.pages.change(self.label(**which), name=to)

    def rename_refused(self, to: str, **which: str) -> None:
        answer = self._renamed(to, **which)
        assert answer.status_code == 200
        assert "already" in answer.content.decode()

    def delete(self, everywhere: bool = False, **which: str) -> None:
        if everywhere:
            super().delete(everywhere, **which)
            return
        before = set(Removal.objects.values_list("pk", flat=True))
        self.pages.delete(self.label(**which))
        self.removals.append(Removal.objects.exclude(pk__in=before).get())


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s["name"] for s in SCENARIOS])
def test_scenario_holds_through_the_admin(
    scenario: dict[str, Any], admin_pages: AdminPages
) -> None:
    admin_pages.client.cookies["django_language"] = "en"
    world = Admin(scenario, admin_pages)
    for number, step in enumerate(scenario["steps"], start=1):
        take(world, step, number)
