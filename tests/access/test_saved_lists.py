"""Saved lists: one's own, everybody's, and a team's; and what they name that their reader may not see."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from crm.accounts.models import Team, User
from crm.lists.models import ListTab, SmartList
from crm.lists.registry import registry_of
from crm.lists.saved import audiences, create_list
from crm.lists.state import ListState
from crm.lists.tabs import set_tabs
from settings.models import Tag
from settings.outcomes import lists_naming
from tests.access.worlds import administrator, member, reloaded, team, with_set
from tests.deals import factories as make

pytestmark = pytest.mark.django_db


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def kept(user: Any, query: str, name: str, **audience: Any) -> SmartList:
    state = ListState.of(registry_of("contact"), user, QueryDict(query))
    assert not state.faults
    return create_list(state, user, name=name, **{"shared": False, **audience})


def page(user: Any, saved: SmartList) -> Any:
    return client_of(user).get(reverse("contacts:list", args=[saved.slug]))


def names(answer: Any) -> set[str]:
    return {contact.name for contact in answer.context["rows"]}


@pytest.fixture
def people() -> dict[str, Any]:
    ann, ben, cia, dan = (with_set(name, "own") for name in ("ann", "ben", "cia", "dan"))
    sales = team("Sales", ann, ben, managers=(cia,))
    return {"ann": ann, "ben": ben, "cia": cia, "dan": dan, "sales": sales, "root": administrator()}


def test_a_private_list_is_there_for_its_owner_alone(people):
    saved = kept(people["ann"], "kind=person", "Mine")
    assert page(people["ann"], saved).status_code == 200
    for name in ("ben", "cia", "dan", "root"):
        assert page(people[name], saved).status_code == 404


def test_a_list_of_a_team_is_seen_by_its_people_and_administrators_alone(people):
    saved = kept(people["ann"], "kind=person", "Ours", team=people["sales"])
    for name in ("ann", "ben", "cia", "root"):
        assert page(people[name], saved).status_code == 200
    unknown = client_of(people["dan"]).get(reverse("contacts:list", args=["no-such-list"]))
    answer = page(people["dan"], saved)
    assert (answer.status_code, unknown.status_code) == (404, 404)
    assert b"Ours" not in answer.content


@pytest.mark.parametrize("step", ["rename", "delete", "save"])
def test_only_the_owner_a_manager_and_administrators_change_a_list_of_a_team(people, step):
    saved = kept(people["ann"], "kind=person", "Ours", team=people["sales"])
    url = reverse(f"lists:{step}", args=["contact", saved.slug])
    sent = {
        "name": "Renamed", "shared": f"team-{people['sales'].pk}", "state": "kind=company",
        "version": saved.updated_at.isoformat(),
    }  # fmt: skip
    before = SmartList.objects.values().get()
    for name in ("ben", "dan"):
        assert client_of(people[name]).post(url, sent).status_code == 404
        assert SmartList.objects.values().get() == before
    assert client_of(people["cia"]).post(url, sent).status_code == 302
    assert list(SmartList.objects.values()) != [before]


def test_each_sees_in_a_list_of_a_team_what_they_may_see_anyway(people):
    make.person("Anns", owner=people["ann"])
    make.person("Bens", owner=people["ben"])
    saved = kept(people["ann"], "kind=person", "Ours", team=people["sales"])
    assert names(page(people["ann"], saved)) == {"Anns"}
    assert names(page(people["ben"], saved)) == {"Bens"}
    assert names(page(people["root"], saved)) == {"Anns", "Bens"}


def test_who_leaves_the_team_loses_its_lists_at_once(people):
    saved = kept(people["ann"], "", "Ours", team=people["sales"])
    set_tabs(registry_of("contact"), people["ben"], [saved], whose=people["ben"])
    bar = client_of(people["ben"]).get(reverse("contacts:list"))
    assert [tab["label"] for tab in bar.context["tabs"]] == ["Ours"]
    people["sales"].members.remove(people["ben"])
    assert page(people["ben"], saved).status_code == 404
    bar = client_of(people["ben"]).get(reverse("contacts:list"))
    assert "Ours" not in [tab["label"] for tab in bar.context["tabs"]]
    counts = client_of(people["ben"]).get(reverse("lists:counts", args=["contact"]))
    assert saved.slug not in counts.content.decode()
    assert ListTab.objects.filter(saved=saved).exists()


def test_a_list_whose_team_is_gone_is_its_owners_alone(people):
    saved = kept(people["ann"], "", "Ours", team=people["sales"])
    people["sales"].delete()
    saved.refresh_from_db()
    assert (saved.team, saved.shared) == (None, False)
    assert page(people["ann"], saved).status_code == 200
    assert page(people["ben"], saved).status_code == 404


def test_a_list_is_shared_with_a_team_in_its_form(people):
    client, sales = client_of(people["ann"]), people["sales"]
    form = client.get(reverse("lists:new", args=["contact"]), {"state": "kind=person"})
    assert "Team Sales" in form.content.decode()
    sent = {"state": "kind=person", "list": "", "name": "Ours", "shared": f"team-{sales.pk}"}
    assert client.post(reverse("lists:new", args=["contact"]), sent).status_code == 302
    saved = SmartList.objects.get()
    assert (saved.team, saved.shared) == (sales, False)
    menu = client_of(people["ben"]).get(reverse("lists:tabs", args=["contact"])).content.decode()
    assert "Lists of teams" in menu
    assert "Ours" in menu
    assert "Ours" not in client_of(people["dan"]).get(
        reverse("lists:tabs", args=["contact"])
    ).content.decode()  # fmt: skip
    rename = reverse("lists:rename", args=["contact", saved.slug])
    assert client.post(rename, {"name": "Ours", "shared": "0"}).status_code == 302
    saved.refresh_from_db()
    assert saved.team is None
    assert page(people["ben"], saved).status_code == 404


def test_a_list_is_not_shared_with_a_team_one_is_not_in(people):
    other = team("Secret service", people["dan"])
    client = client_of(people["ann"])
    url = reverse("lists:new", args=["contact"])
    assert "Secret service" not in client.get(url, {"state": "kind=person"}).content.decode()
    for value in (f"team-{other.pk}", "team-0", "2", "team-x"):
        sent = {"state": "kind=person", "list": "", "name": "Theirs", "shared": value}
        answer = client.post(url, sent)
        assert answer.status_code == 422
        assert "Choose with whom you share the list." in answer.content.decode()
        assert "Secret service" not in answer.content.decode()
    assert not SmartList.objects.exists()


def test_a_manager_keeps_a_list_of_somebody_else_among_their_teams(people):
    saved = kept(people["ann"], "", "Ours", team=people["sales"])
    offered = audiences(people["cia"], saved)
    assert [one.team for one in offered] == [people["sales"]]
    client, url = client_of(people["cia"]), reverse("lists:rename", args=["contact", saved.slug])
    assert client.post(url, {"name": "Everybody's now", "shared": "1"}).status_code == 422
    saved.refresh_from_db()
    assert (saved.name, saved.shared, saved.team) == ("Ours", False, people["sales"])


def test_an_administrator_who_makes_it_its_owners_alone_is_led_to_a_page_that_is_there(people):
    saved = kept(people["ann"], "", "Ours", team=people["sales"])
    client, url = client_of(people["root"]), reverse("lists:rename", args=["contact", saved.slug])
    answer = client.post(url, {"name": "Ours", "shared": "0"}, follow=True)
    assert answer.redirect_chain == [(reverse("contacts:list"), 302)]
    assert answer.status_code == 200


def test_a_list_is_everybodys_or_a_teams_and_not_both(people):
    saved = kept(people["ann"], "", "Both", shared=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        SmartList.objects.filter(pk=saved.pk).update(team=people["sales"])


def test_lists_of_a_team_are_no_tabs_of_new_users(people):
    saved = kept(people["ann"], "", "Ours", team=people["sales"])
    with pytest.raises(ValidationError, match="everybody's"):
        set_tabs(registry_of("contact"), people["root"], [saved], whose=None)


def test_a_deactivated_user_has_no_lists(people):
    kept(people["ann"], "", "Ours", team=people["sales"])
    kept(people["ann"], "", "All", shared=True)
    ben = people["ben"]
    assert SmartList.objects.visible_to(ben).count() == 2
    User.objects.filter(pk=ben.pk).update(is_active=False)
    assert not SmartList.objects.visible_to(reloaded(ben)).exists()
    assert not SmartList.objects.editable_by(reloaded(ben)).exists()


def test_lists_that_name_a_tag_are_counted_and_named_only_where_they_are_seen(people):
    tag = Tag.objects.create(name="Hot", category="contacts")
    kept(people["ann"], f"tags={tag.pk}", "Secret plan", team=people["sales"])
    told = lists_naming([tag], people["ben"])
    assert [one.name for one, _url in told.lists] == ["Secret plan"]
    told = lists_naming([tag], people["dan"])
    assert told.lists == []


def test_a_shared_filter_that_names_a_hidden_company_shows_nothing_and_not_its_name(people):
    boss = member("boss")
    secret = make.company("Secret Corp", owner=boss)
    make.person("Anns", owner=people["ann"], company=secret)
    for number, audience in enumerate(({"shared": True}, {"team": people["sales"]})):
        saved = kept(boss, f"company={secret.pk}", f"Named {number}", **audience)
        assert names(page(boss, saved)) == {"Anns"}
        answer = page(people["ann"], saved)
        assert names(answer) == set()
        assert "A record is gone, or not available to you." in answer.content.decode()
        assert "Secret" not in answer.content.decode()
        client = client_of(people["ann"])
        client.post(reverse("lists:tabs", args=["contact"]), {"pin": saved.slug})
        counts = client.get(reverse("lists:counts", args=["contact"])).context["tabs"]
        assert [one["shown"] for one in counts if one["slug"] == saved.slug] == [""]


def test_teams_are_asked_for_in_a_constant_number_of_statements(
    people, django_assert_max_num_queries
):
    for number in range(6):
        made = Team.objects.create(name=f"Team {number}")
        made.members.set([people["ann"], people["ben"]])
        kept(people["ann"], "", f"List {number}", team=made)
    client = client_of(people["ben"])
    client.get(reverse("lists:tabs", args=["contact"]))
    with django_assert_max_num_queries(10):
        client.get(reverse("lists:tabs", args=["contact"]))
