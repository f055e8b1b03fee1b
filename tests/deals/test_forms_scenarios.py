"""The status law, case by case, through the forms of the pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from deals.models import DealContact
from deals.services import check_statuses
from tests.deals.test_scenarios import SCENARIOS, World
from tests.forms import forms_of, send


class Cards(World):
    """Takes each step as a user would from the cards."""

    def __init__(self, scenario: dict[str, Any], client: Client) -> None:
        super().__init__(scenario)
        self.client = client

    def open(self, deal: str, primary: str, **more: Any) -> None:
        page = reverse("deals:new") + f"?contact={self.contact(primary).pk}"
        answer = send(
            self.client,
            page,
            having="name",
            name=deal,
            stage=self.stages[more.get("as", "incoming")].pk,
        )
        # A new deal begins with two rows: one with the main contact, one empty.
        assert answer.status_code == 302, answer.content.decode()

    def open_with(self, deal: str, primary: str, names: list[tuple[int, str]], **more: Any) -> None:
        page = reverse("deals:new") + f"?contact={self.contact(primary).pk}"
        shown = next(f for f in forms_of(self.client.get(page)) if "name" in f.names)
        rows = {f"rows-{number}-contact": self.contact(name).pk for number, name in names}
        total = len(names) + 1
        data = shown.data(name=deal, stage=self.stages[more.get("as", "incoming")].pk, **rows) | {
            "rows-TOTAL_FORMS": [str(total)]
        }
        answer = self.client.post(page, data)
        assert answer.status_code == 302, answer.content.decode()

    def move(self, deal: str, to: str) -> None:
        moved = self.deal(deal)
        stage = self.stages[to]
        page = reverse("deals:move", args=[moved.pk])
        if moved.stage_id == stage.pk:
            # The card shows the stage a deal is in as text; only another page may still ask.
            answer = self.client.post(page, {"stage": stage.pk})
        elif moved.group == stage.group:
            answer = send(self.client, moved.get_absolute_url(), to=page, stage=stage.pk)
        else:
            answer = send(self.client, f"{page}?stage={stage.pk}", having="stage")
        assert answer.status_code == 302

    def associate(self, deal: str, contact: str) -> None:
        listed = self.deal(deal)
        answer = send(
            self.client,
            listed.get_absolute_url(),
            to=reverse("deals:link_add", args=[listed.pk]),
            contact=self.contact(contact).pk,
        )
        assert answer.status_code == 302

    def dissociate(self, deal: str, contact: str) -> None:
        listed = self.deal(deal)
        link = DealContact.objects.get(deal=listed, contact=self.contact(contact))
        answer = send(
            self.client,
            listed.get_absolute_url(),
            to=reverse("deals:link_remove", args=[listed.pk, link.pk]),
        )
        assert answer.status_code == 302

    def star(self, deal: str, contact: str, keep: bool = False) -> None:
        page = reverse("deals:star", args=[self.deal(deal).pk])
        answer = send(
            self.client,
            f"{page}?contact={self.contact(contact).pk}",
            previous="keep" if keep else "remove",
        )
        assert answer.status_code == 302

    def delete(self, deal: str) -> None:
        answer = send(self.client, reverse("deals:delete", args=[self.deal(deal).pk]))
        assert answer.status_code == 302

    def employ(self, person: str, company: str | None) -> None:
        page = reverse("contacts:edit", args=[self.contact(person).pk])
        value = self.contact(company).pk if company else ""
        answer = send(self.client, page, having="last_name", company=value)
        assert answer.status_code == 302, answer.content.decode()

    def select(self, contact: str, **values: str) -> None:
        subject = self.contact(contact)
        [kind] = values
        answer = send(
            self.client,
            subject.get_absolute_url(),
            to=reverse("contacts:select_status", args=[subject.pk]),
            having=kind,
            **values,
        )
        assert answer.status_code == 302, "refused"

    def select_refused(self, contact: str, **values: str) -> None:
        """What the law refuses is shown as not to be chosen, and sent all the same is refused."""
        subject = self.contact(contact)
        page, to = subject.get_absolute_url(), reverse("contacts:select_status", args=[subject.pk])
        [(kind, value)] = values.items()
        shown = [form for form in forms_of(self.client.get(page)) if kind in form.names]
        assert (kind, value) in shown[0].disabled
        answer = send(self.client, page, to=to, having=kind, **values)
        assert answer.status_code == 200
        assert 'role="alert"' in answer.content.decode()


class EditForm(Cards):
    """Takes the steps that the deal's own form can do with that form."""

    def edit(self, deal: str, **changes: Any) -> None:
        page = reverse("deals:edit", args=[self.deal(deal).pk])
        answer = send(self.client, page, having="name", **changes)
        assert answer.status_code == 302, answer.content.decode()

    def _row_of(self, deal: str, contact: str) -> int | None:
        """The number of the form's row for ``contact``: the star first, then the links."""
        listed = self.deal(deal)
        links = listed.links.values_list("contact_id", flat=True)
        ids = [listed.primary_contact_id, *links]
        pk = self.contact(contact).pk
        return ids.index(pk) if pk in ids else None

    def _next_row(self, deal: str) -> int:
        return 1 + self.deal(deal).links.count()

    def move(self, deal: str, to: str) -> None:
        self.edit(deal, stage=self.stages[to].pk)

    def associate(self, deal: str, contact: str) -> None:
        number = self._next_row(deal)
        self.edit(deal, **{f"rows-{number}-contact": self.contact(contact).pk})

    def dissociate(self, deal: str, contact: str) -> None:
        self.edit(deal, **{f"rows-{self._row_of(deal, contact)}-DELETE": "on"})

    def star(self, deal: str, contact: str, keep: bool = False) -> None:
        number = self._row_of(deal, contact)
        changes: dict[str, Any] = {}
        if number is None:
            number = self._next_row(deal)
            changes[f"rows-{number}-contact"] = self.contact(contact).pk
        answer = "keep" if keep else "remove"
        self.edit(deal, star=number, previous_star=answer, **changes)


@pytest.fixture
def signed_in(client: Client, db: None) -> Client:
    user = get_user_model().objects.create_user("ann", password="x", language="en")
    client.force_login(user)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("pages", [Cards, EditForm])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s["name"] for s in SCENARIOS])
def test_scenario_holds_through_the_forms(
    scenario: dict[str, Any], pages: type[Cards], signed_in: Client
) -> None:
    world = pages(scenario, signed_in)
    for number, step in enumerate(scenario["steps"], start=1):
        action = next((key for key in step if key not in ("then", "refused")), None)
        before = world.statuses()
        if action and step.get("refused"):
            world.select_refused(**step[action])
            assert world.statuses() == before, f"step {number} was refused and changed something"
        elif action == "open" and "with" in step["open"]:
            listed = list(enumerate(step["open"]["with"], start=1))
            more = {key: value for key, value in step["open"].items() if key != "with"}
            world.open_with(names=listed, **more)
        elif action:
            getattr(world, action)(**step[action])
        shown = world.statuses()
        for name, expected in (step.get("then") or {}).items():
            assert shown[name] == expected, f"step {number}, {name}"
    assert check_statuses().differences == []
