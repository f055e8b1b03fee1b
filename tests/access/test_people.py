"""Settings › Users: who works here, what they see and edit, and whether they are let in."""

from __future__ import annotations

import re
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse

from crm.accounts.access_words import sentences, summary
from crm.accounts.levels import SETS, Area, Level
from crm.accounts.models import User, administrators
from crm.accounts.people import LEVELS, RIGHTS, change_user, deactivate
from crm.actor import acting_as
from crm.audit.models import Action, Entry
from tests.access.signing import app_of
from tests.access.worlds import administrator, member, reloaded, team, with_set
from tests.deals import factories as make
from tests.proof.racing import at_once

pytestmark = pytest.mark.django_db
NONE, OWN, TEAM, ALL = Level.NONE, Level.OWN, Level.TEAM, Level.ALL


@pytest.fixture
def root():
    return administrator()


@pytest.fixture
def client_of(root):
    def of(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return of


@pytest.fixture
def web(client_of, root):
    return client_of(root)


def profile(user: User, **changed: object) -> dict[str, object]:
    sent = {
        "first_name": user.first_name,
        "last_name": user.last_name or "Berg",
        "email": user.email or f"{user.username}@example.com",
        "role": user.role.value,
        "theme": "auto",
    }
    return sent | changed


def table(**changed: object) -> dict[str, object]:
    return dict.fromkeys(LEVELS, "3") | dict.fromkeys(RIGHTS, "on") | changed


PAGES = ["/settings/users/", "/settings/users/invite/", "/settings/teams/", "/settings/teams/new/"]


def test_members_find_nothing_of_it(client_of):
    ann, ben = member("ann"), member("ben")
    north = team("North", ann)
    theirs = ["", "deactivate/", "hand-over/", "second-factor/remove/"]
    web = client_of(ann)
    for address in [
        *PAGES,
        *(f"/settings/users/{ben.pk}/{page}" for page in theirs),
        f"/settings/teams/{north.pk}/",
        f"/settings/teams/{north.pk}/delete/",
    ]:
        assert web.get(address).status_code == 403, address
        assert web.post(address, {"name": "x"}).status_code in (403, 405), address
    for step in ("access", "link", "withdraw", "activate", "preview", "password-link"):
        assert web.post(f"/settings/users/{ben.pk}/{step}/", table()).status_code == 403


def test_the_list_tells_who_there_is_and_what_they_see(web):
    seller = with_set("seller", "customers")
    team("North", seller, managers=(with_set("boss", "everything"),))
    gone = member("gone")
    deactivate(gone)
    page = web.get("/settings/users/").content.decode()
    assert "Sees all customers" in page
    assert "North (manager)" in page
    assert "Everything, and Settings" in page
    assert page.index("Deactivated") < page.index("Gone")
    assert page.count("no second factor") == 4
    app_of(seller)
    assert web.get("/settings/users/").content.decode().count("no second factor") == 3


def test_the_list_asks_as_often_for_many(web, django_assert_max_num_queries):
    for number in range(12):
        team(f"Team {number}", member(f"user{number}"))
    with django_assert_max_num_queries(10):
        web.get("/settings/users/")


def test_a_profile_is_changed_and_the_log_says_what(web, root):
    ann = member("ann")
    north = team("North")
    sent = profile(ann, last_name="Lee", language="de", formats="GB", teams=[north.pk])
    assert web.post(f"/settings/users/{ann.pk}/", sent).status_code == 302
    ann.refresh_from_db()
    assert (ann.last_name, ann.language, ann.formats) == ("Lee", "de", "GB")
    assert list(ann.teams.all()) == [north]
    entry = Entry.objects.get(action=Action.USER_CHANGED)
    assert (entry.actor_id, entry.before["last_name"], entry.after["last_name"]) == (
        root.pk,
        "",
        "Lee",
    )
    assert Entry.objects.get(action=Action.TEAM_CHANGED).after["members"] == ["Ann Lee"]


def test_an_address_that_somebody_has_is_refused(web):
    ann, ben = member("ann"), member("ben")
    change_user(ben, email="ben@example.com")
    page = web.post(f"/settings/users/{ann.pk}/", profile(ann, email="BEN@example.com"))
    assert "Ben has this e-mail address already." in page.content.decode()
    assert reloaded(ann).email == ""


# -- access


def test_the_table_sets_levels_and_rights(web):
    ann = member("ann")
    sent = table(view_contacts="2", edit_contacts="1", edit_deals="0")
    del sent["may_export"]
    assert web.post(f"/settings/users/{ann.pk}/access/", sent).status_code == 302
    ann.refresh_from_db()
    assert (ann.view_contacts, ann.edit_contacts, ann.edit_deals) == (TEAM, OWN, NONE)
    assert (ann.may_export, ann.may_mail) == (False, True)
    entry = Entry.objects.get(action=Action.ACCESS_CHANGED)
    assert entry.before == {
        "view_contacts": 3,
        "edit_contacts": 3,
        "edit_deals": 3,
        "may_export": True,
    }
    assert entry.after["view_contacts"] == 2


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.code)
def test_a_ready_made_set_fills_the_table_and_is_saved_as_a_whole(web, one):
    ann = member("ann", contacts=OWN, customers=TEAM, rights=False)
    before = {name: getattr(ann, name) for name in one.values()}
    page = web.post(f"/settings/users/{ann.pk}/access/", {"set": one.code})
    assert "Filled in, and not saved yet." in page.content.decode()
    assert {name: getattr(reloaded(ann), name) for name in before} == before
    web.post(f"/settings/users/{ann.pk}/access/", as_sent(page.context["access"]))
    ann.refresh_from_db()
    assert {name: getattr(ann, name) for name in one.values()} == one.values()
    assert summary(ann) == str(one.label)


def as_sent(form):
    """What a browser sends of a form that it was given filled."""
    return {name: value for name, value in form.initial.items() if value is not False}


def test_with_scripts_a_set_fills_the_table_and_changes_nothing(web):
    page = web.get("/settings/users/access/?set=own", headers={"HX-Request": "true"})
    chosen = re.findall(r'<option value="(\d)" selected>', page.content.decode())
    assert chosen == ["1"] * 6
    assert not Entry.objects.filter(action=Action.ACCESS_CHANGED).exists()


def test_whoever_would_edit_more_than_they_see_is_refused_with_a_way_out(web):
    ann = member("ann", deals=OWN)
    page = web.post(f"/settings/users/{ann.pk}/access/", table(view_deals="1", edit_deals="2"))
    said = page.content.decode()
    assert "Deals: nobody can edit more than they see." in said
    assert "at least “Team” under View, or at most “Own” under Edit" in said
    assert reloaded(ann).edit_deals == OWN
    with pytest.raises(ValidationError):
        change_user(ann, edit_deals=TEAM)


def test_levels_that_are_none_are_refused(web):
    ann = member("ann", deals=OWN)
    for wrong in ("4", "-1", "", "x"):
        web.post(f"/settings/users/{ann.pk}/access/", table(view_deals=wrong))
    assert reloaded(ann).view_deals == OWN


@pytest.mark.parametrize("view", Level)
@pytest.mark.parametrize("edit", Level)
def test_access_is_told_in_words_in_every_combination(view, edit):
    if edit <= view:
        told = sentences(member("ann", deals=(view, edit)))
        assert told[list(Area).index(Area.DEALS)].startswith("Deals: sees ")
        assert told[-1] == "May export, delete many at once and send mailings."


# -- the last administrator


def test_the_only_administrator_stays_one(web, root):
    page = web.post(f"/settings/users/{root.pk}/", profile(root, role="member"))
    assert "Root Berg is the only administrator." in page.content.decode()
    assert reloaded(root).is_superuser


def test_of_two_administrators_one_may_step_down(web, root):
    other = administrator("other")
    web.post(f"/settings/users/{other.pk}/", profile(other, role="member"))
    assert not reloaded(other).is_superuser
    assert not reloaded(other).is_staff
    entry = Entry.objects.get(action=Action.ACCESS_CHANGED)
    assert (entry.before, entry.after) == ({"role": "administrator"}, {"role": "member"})


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", [{"role": "member"}, {"is_active": False}], ids=str)
def test_of_two_who_step_down_at_once_one_stays(step):
    for number in range(4):
        User.objects.update(is_superuser=False)
        both = [administrator(f"{name}{number}") for name in ("one", "two")]
        errors = at_once(*(partial(change_user, user, **step) for user in both))
        assert [type(error) for error in errors if error] == [ValidationError]
        assert administrators().count() == 1


def test_nobody_deactivates_themselves(web, root):
    administrator("other")
    page = web.post(f"/settings/users/{root.pk}/deactivate/")
    assert "You cannot deactivate yourself." in page.content.decode()
    assert reloaded(root).is_active


def test_the_back_office_is_no_way_around(web, root):
    address = reverse("admin:accounts_user_change", args=[root.pk])
    levels = dict.fromkeys(LEVELS, 3)
    page = web.post(address, {"username": "root", "theme": "auto", "is_active": "on", **levels})
    assert "only administrator" in page.content.decode()
    assert reloaded(root).is_superuser
    ann = member("ann")
    address = reverse("admin:accounts_user_change", args=[ann.pk])
    sent = {"username": "ann", "theme": "auto", "is_active": "on", **levels}
    page = web.post(address, sent | {"view_deals": 1})
    assert "Nobody can edit more than they see." in page.content.decode()
    assert web.post(address, sent | {"is_superuser": "on"}).status_code == 302
    assert reloaded(ann).is_staff
    assert Entry.objects.get(action=Action.ACCESS_CHANGED).after["role"] == "administrator"
    assert web.get(reverse("admin:accounts_user_delete", args=[ann.pk])).status_code == 403


def test_the_back_office_sets_nobodys_password(web, root):
    for user in (root, member("ann")):
        address = reverse("admin:auth_user_password_change", args=[user.pk])
        new = "a password from the back office"
        for sent in ({"password1": new, "password2": new}, {"usable_password": "false"}):
            answer = web.post(address, sent)
            assert answer["Location"] == "/settings/users/"
        assert reloaded(user).password == user.password
        page = web.get(reverse("admin:accounts_user_change", args=[user.pk])).content.decode()
        assert "/password/" not in page


def test_teams_of_the_back_office_are_in_the_log_as_well(web):
    ann = member("ann")
    north = team("North")
    address = reverse("admin:accounts_team_change", args=[north.pk])
    assert web.post(address, {"name": "North", "members": [ann.pk]}).status_code == 302
    entry = Entry.objects.get(action=Action.TEAM_CHANGED)
    assert (entry.before, entry.after) == ({"members": []}, {"members": ["Ann"]})


# -- letting in, and not


def test_who_is_deactivated_is_out_within_one_request(web, client_of):
    ann = member("ann")
    anns = client_of(ann)
    assert anns.get("/contacts/").status_code == 200
    web.post(f"/settings/users/{ann.pk}/deactivate/")
    assert anns.get("/contacts/").status_code == 302
    assert not anns.session.get("_auth_user_id")
    assert Entry.objects.get(action=Action.USER_DEACTIVATED).details["sessions"] == 1
    web.post(f"/settings/users/{ann.pk}/activate/")
    assert reloaded(ann).is_active
    # The session of before is not worth anything any more.
    assert anns.get("/contacts/").status_code == 302


def test_deactivating_hands_everything_over_in_the_same_step(web):
    ann, ben = member("ann"), member("ben")
    contact = make.company(owner=ann)
    page = web.get(f"/settings/users/{ann.pk}/deactivate/").content.decode()
    assert "1 contact" in page
    web.post(f"/settings/users/{ann.pk}/deactivate/", {"to": ben.pk})
    contact.refresh_from_db()
    assert (contact.owner, reloaded(ann).is_active) == (ben, False)


def test_what_a_refused_deactivation_would_have_handed_over_stays(web, root):
    ben = member("ben")
    contact = make.company(owner=root)
    web.post(f"/settings/users/{root.pk}/deactivate/", {"to": ben.pk})
    contact.refresh_from_db()
    assert contact.owner == root
    assert not Entry.objects.filter(action=Action.HANDED_OVER).exists()


def test_whoever_acts_is_written_down(root):
    with acting_as(root):
        change_user(member("ann"), may_mail=False)
    assert Entry.objects.get(action=Action.ACCESS_CHANGED).actor_name == "Root"
