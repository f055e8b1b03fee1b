"""The two categories of contacts, case by case, through the pages of the settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.accounts.models import User
from settings.models import Removal
from tests.forms import send
from tests.labels.test_scenarios import SCENARIOS
from tests.labels.worlds import World, take


class Pages(World):
    """Takes the steps with tags and fields as an administrator would; contacts change through the services."""

    def __init__(self, scenario: dict[str, Any], client: Client) -> None:
        self.client = client
        super().__init__(scenario)
        self.through_pages = True

    def _address(self, what: str, **which: str) -> str:
        return reverse(f"settings:{what}", args=[next(iter(which)), self.label(**which).pk])

    def _removing(self, page: str, data: dict[str, Any]) -> None:
        before = set(Removal.objects.values_list("pk", flat=True))
        answer = self.client.post(page, data)
        assert answer.status_code == 302, answer.content.decode()
        made = Removal.objects.exclude(pk__in=before).order_by("pk")
        assert made, "nothing was removed"
        self.removals += made

    def make(self, tag: str) -> None:
        if not hasattr(self, "through_pages"):
            super().make(tag)
            return
        category, name = tag.split("/")
        page = reverse("settings:category", args=[category])
        to = reverse("settings:tag_new", args=[category])
        answer = send(self.client, page, to=to, having="name", name=name)
        assert answer.status_code == 302

    def rename(self, to: str, **which: str) -> None:
        assert self._renamed(to, **which).status_code == 302

    def rename_refused(self, to: str, **which: str) -> None:
        answer = self._renamed(to, **which)
        assert answer.status_code == 422
        assert "already" in answer.content.decode()

    def _renamed(self, to: str, **which: str) -> Any:
        name = "tag_edit" if "tag" in which else "field_edit"
        page = reverse(f"settings:{name}", args=[self.label(**which).pk])
        return send(self.client, page, having="name", name=to)

    def delete(self, everywhere: bool = False, **which: str) -> None:
        page = self._address("delete", **which)
        shown = self.client.get(page).content.decode()
        where = "both" if everywhere else "here"
        assert f'value="{where}"' in shown or not everywhere
        self._removing(page, {"where": where})

    def merge(self, into: str, **which: str) -> None:
        other = self.label(**dict.fromkeys(which, into)).pk
        page = self._address("merge", **which)
        assert f'value="{other}"' in self.client.get(f"{page}?other={other}").content.decode()
        self._removing(page, {"other": other, "survivor": other})

    def merge_refused(self, into: str, **which: str) -> None:
        """It is not offered, and sent all the same it is refused."""
        other = self.label(**dict.fromkeys(which, into)).pk
        page = self._address("merge", **which)
        assert f'value="{other}"' not in self.client.get(page).content.decode()
        assert self.client.post(page, {"other": other, "survivor": other}).status_code == 422

    def move(self, **which: str) -> None:
        page = self._address("move", **which)
        assert self.client.get(page).status_code == 200
        self._removing(page, {})

    def move_refused(self, **which: str) -> None:
        self._told_why(self.client.post(self._address("move", **which), follow=True))

    def undo(self, number: int = 0) -> None:
        removal = self.removal(number)
        page, to = reverse("settings:removed"), reverse("settings:undo")
        shown = self.client.get(page).content.decode()
        assert f'id="removal-{removal.pk}"' in shown
        answer = self.client.post(to, {"removal": removal.pk})
        assert answer.status_code == 302
        removal.refresh_from_db()
        assert removal.undone_at, self.client.get(page).content.decode()

    def undo_refused(self, number: int = 0) -> None:
        to = reverse("settings:undo")
        self._told_why(self.client.post(to, {"removal": self.removal(number).pk}, follow=True))

    def _told_why(self, answer: Any) -> None:
        assert answer.status_code == 200
        assert any(one.level_tag == "error" for one in answer.context["messages"])


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s["name"] for s in SCENARIOS])
def test_scenario_holds_through_the_pages(scenario: dict[str, Any], client: Client) -> None:
    client.force_login(User.objects.create_user("ann", is_superuser=True, language="en"))
    world = Pages(scenario, client)
    for number, step in enumerate(scenario["steps"], start=1):
        take(world, step, number)
