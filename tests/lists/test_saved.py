"""Lists that people keep: saving, sharing, pinning, counting; and two who change one list at once."""

from __future__ import annotations

import html
import re

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import User
from crm.lists import pages, tab_views
from crm.lists.models import ListPreference, ListTab, SmartList
from crm.lists.registry import registry_of
from crm.lists.saved import create_list, preference_of
from crm.lists.state import ListState
from crm.lists.tabs import first_tabs, set_tabs, tabs_of
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db
URL = "/contacts/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def anna():
    return User.objects.create_user("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def ben():
    return User.objects.create_user("ben", first_name="Ben", last_name="Cole")


@pytest.fixture
def root():
    return User.objects.create_superuser("root", "root@example.com", "x")


def desk_of(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def desk(anna):
    return desk_of(anna)


@pytest.fixture
def book(anna):
    acme = company("Acme")
    ada = person("Lovelace", first_name="Ada", company=acme, owner=anna)
    deal(ada, "won")
    return {"acme": acme, "ada": ada, "bob": person("Bob")}


def kept(user, query, name="Mine", record="contact", **more):
    state = ListState.of(registry_of(record), user, QueryDict(query))
    return create_list(state, user, name=name, shared=more.get("shared", False))


def names(answer):
    return {contact.name for contact in answer.context["rows"]}


def labels(answer):
    return [tab["label"] for tab in answer.context["tabs"]]


def said(answer):
    return [str(message) for message in answer.context["messages"]]


# -- saving


def test_a_list_is_saved_under_a_name_and_pinned(desk, anna, book):
    page = desk.get(f"{URL}?customer_status=current&sort=-name&columns=city")
    form = desk.get(page.context["saving"]["save_as"])
    assert "Customer Status is Current Customer" in form.content.decode()
    answer = desk.post(
        "/lists/contact/new/",
        {"state": form.context["whole"], "list": "", "name": " Good  ones ", "shared": "0"},
        follow=True,
    )
    assert answer.redirect_chain == [("/contacts/lists/good-ones/", 302)]
    assert said(answer) == ["The list “Good ones” is saved."]
    assert names(answer) == {"Acme", "Ada Lovelace"}
    assert labels(answer) == ["All", "Prospects", "Customers", "Good ones"]
    saved = SmartList.objects.get()
    assert (saved.owner, saved.shared, saved.sort, saved.columns) == (
        anna,
        False,
        "-name",
        ["city"],
    )
    # Codes are kept, not words.
    assert saved.conditions == [[{"field": "customer_status", "values": ["current"]}]]
    assert not answer.context["saving"]


def test_a_list_reads_in_the_language_of_whoever_looks_at_it(desk, anna, ben, book):
    kept(anna, "customer_status=current", "Good", shared=True)
    ben.language = "de"
    ben.save()
    page = desk_of(ben).get(f"{URL}lists/good/").content.decode()
    assert "Kundenstatus" in page
    assert "Aktueller Kunde" in page


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "Give the list a name."),
        ("   ", "Give the list a name."),
        ("x" * 81, "at most 80 characters"),
        ("a\x00b", "no text can hold"),
        ("mine", "You have a list of this name already."),
    ],
)
def test_a_name_that_will_not_do_is_refused_and_nothing_lost(desk, anna, book, name, reason):
    kept(anna, "kind=person", "Mine")
    sent = {"state": "kind=company", "list": "", "name": name, "shared": "1"}
    answer = desk.post("/lists/contact/new/", sent)
    assert answer.status_code == 422
    page = html.unescape(answer.content.decode())
    assert reason in page
    assert 'name="state" value="kind=company"' in page
    assert re.search(r'name="shared" value="1" checked', page)
    assert SmartList.objects.count() == 1


def test_a_state_that_is_not_understood_is_not_saved(desk, book):
    answer = desk.post("/lists/contact/new/", {"state": "colour=red", "name": "Red"})
    assert answer.status_code == 422
    assert "has no filter" in answer.content.decode()
    assert not SmartList.objects.exists()


def test_lists_of_one_name_have_addresses_of_their_own(anna, ben, book):
    slugs = [kept(anna, "kind=person", "Tabs").slug, kept(ben, "kind=person", "Tabs").slug]
    slugs += [kept(anna, "kind=person", "All").slug, kept(anna, "kind=person", "日本").slug]
    assert len(set(slugs)) == 4
    assert "all" not in slugs
    assert "tabs" not in slugs


def test_a_dialog_gets_the_form_alone_and_is_led_to_the_list(desk, book):
    headers = {**HTMX, "HX-Target": "list-dialog"}
    page = desk.get("/lists/contact/new/?state=kind%3Dperson", headers=headers).content.decode()
    assert "<html" not in page
    assert 'id="dialog-title"' in page
    sent = {"state": "kind=person", "name": ""}
    assert desk.post("/lists/contact/new/", sent, headers=headers).status_code == 422
    answer = desk.post("/lists/contact/new/", {**sent, "name": "People"}, headers=headers)
    assert answer.headers["HX-Redirect"] == "/contacts/lists/people/"


# -- a changed list


def test_a_changed_list_says_so_and_offers_to_save_it(desk, anna, book):
    kept(anna, "kind=person", "People")
    page = desk.get(f"{URL}lists/people/?kind=company&sort=-name")
    assert [tab["slug"] for tab in page.context["tabs"] if tab["changed"]] == ["people"]
    saving = page.context["saving"]
    assert saving["reset"] == "."
    answer = desk.post(
        saving["save"], {"state": saving["state"], "version": saving["version"]}, follow=True
    )
    assert answer.redirect_chain == [("/contacts/lists/people/", 302)]
    assert names(answer) == {"Acme"}
    assert not answer.context["state"].changed
    assert SmartList.objects.get().sort == "-name"


def test_filters_can_be_saved_away(desk, anna, book):
    kept(anna, "kind=person&q=ada", "Ada")
    page = desk.get(f"{URL}lists/ada/?edited=1&q=")
    assert names(page) == {"Acme", "Ada Lovelace", "Bob"}
    saving = page.context["saving"]
    desk.post(saving["save"], {"state": saving["state"], "version": saving["version"]})
    assert (SmartList.objects.get().conditions, SmartList.objects.get().text) == ([], "")


def test_the_search_box_can_be_emptied_in_a_list_that_asks_for_a_text(desk, anna, book):
    kept(anna, "q=ada", "Ada")
    page = desk.get(f"{URL}lists/ada/").content.decode()
    assert re.search(r'name="q" value="ada"[^>]* data-keep-empty', page)
    assert names(desk.get(f"{URL}lists/ada/?q=")) == {"Acme", "Ada Lovelace", "Bob"}
    assert "data-keep-empty" not in desk.get(URL).content.decode()


@pytest.mark.parametrize("slug", ["customers", "shared"])
def test_who_may_not_save_over_a_list_may_save_it_as_another(desk, ben, book, slug):
    if slug == "shared":
        kept(ben, "kind=person", "Shared", shared=True)
    saving = desk.get(f"{URL}lists/{slug}/?kind=company").context["saving"]
    assert "save" not in saving
    assert saving["save_as"]
    answer = desk.post(f"/lists/contact/{slug}/save/", {"state": "kind=company", "version": ""})
    assert answer.status_code == 404


def test_two_who_save_one_list_both_see_both_and_lose_nothing(anna, root, book):
    saved = kept(anna, "kind=person", "Team", shared=True)
    hers, his = desk_of(anna), desk_of(root)
    one = hers.get(f"{URL}lists/team/?kind=company").context["saving"]
    # He changes the order alone, of the filters that he sees.
    two = his.get(f"{URL}lists/team/?sort=-name").context["saving"]
    assert hers.post(one["save"], one).status_code == 302
    answer = his.post(two["save"], two)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Kind is Company" in page
    assert "Kind is Person" in page
    saved.refresh_from_db()
    assert saved.asked.chips[0].values == ("company",)
    # He saves his as another list, and then over hers after all.
    new = his.get("/lists/contact/new/", {"state": answer.context["whole"], "list": "team"})
    assert "Kind is Person" in new.content.decode()
    again = {"state": answer.context["whole"], "version": answer.context["version"]}
    assert his.post(two["save"], again).status_code == 302
    saved.refresh_from_db()
    assert saved.asked.chips[0].values == ("person",)
    assert saved.sort == "-name"


# -- whose it is


def test_a_list_of_somebody_else_is_not_there(ben, book, anna):
    kept(anna, "kind=person", "Secret")
    desk = desk_of(ben)
    for path in (
        "contacts/lists/secret",
        "lists/contact/secret/rename",
        "lists/contact/secret/delete",
    ):
        assert desk.get(f"/{path}/").status_code == 404
    assert "Secret" not in desk.get("/lists/contact/tabs/").content.decode()
    desk.post("/lists/contact/tabs/", {"pin": "secret"})
    assert not ListTab.objects.exists()


def test_a_shared_list_is_everybodys_to_see_and_its_owners_to_change(anna, ben, root, book):
    kept(anna, "owner=me", "Ours", shared=True)
    assert names(desk_of(anna).get(f"{URL}lists/ours/")) == {"Ada Lovelace"}
    # It runs with the eyes of whoever looks.
    assert names(desk_of(ben).get(f"{URL}lists/ours/")) == set()
    assert desk_of(ben).post("/lists/contact/ours/delete/").status_code == 404
    assert desk_of(root).post("/lists/contact/ours/delete/").status_code == 302
    assert not SmartList.objects.exists()


def test_a_shared_list_that_asks_for_what_is_not_available_shows_nobody(anna, ben, book):
    saved = kept(anna, "kind=person", "Odd", shared=True)
    saved.conditions[0].append({"field": "salary", "values": ["100"]})
    saved.save()
    answer = desk_of(ben).get(f"{URL}lists/odd/")
    assert answer.context["rows"] == []
    assert "Not available to you" in answer.content.decode()
    assert not answer.context["saving"]
    counts = desk_of(anna).get("/lists/contact/counts/").content.decode()
    assert "count-odd" not in counts


def test_a_list_is_renamed_shared_and_kept_to_oneself_again(desk, anna, ben, book):
    saved = kept(anna, "kind=person", "People")
    answer = desk.post("/lists/contact/people/rename/", {"name": "Persons", "shared": "1"})
    assert answer.headers["Location"] == "/contacts/lists/people/", "its address stays"
    assert desk_of(ben).get(f"{URL}lists/people/").status_code == 200
    desk_of(ben).post("/lists/contact/tabs/", {"pin": "people"})
    page = desk.get("/lists/contact/people/rename/").content.decode()
    assert "1 other person has it as a tab" in page
    desk.post("/lists/contact/people/rename/", {"name": "Persons", "shared": "0"})
    assert desk_of(ben).get(f"{URL}lists/people/").status_code == 404
    assert "Persons" not in labels(desk_of(ben).get(URL))
    refused = desk.post("/lists/contact/people/rename/", {"name": "", "shared": "0"})
    assert refused.status_code == 422
    saved.refresh_from_db()
    assert (saved.name, saved.shared) == ("Persons", False)


def test_a_list_is_deleted_after_it_was_asked_for(desk, anna, ben, book):
    kept(anna, "kind=person", "People", shared=True)
    desk_of(ben).post("/lists/contact/tabs/", {"pin": "people"})
    page = desk.get("/lists/contact/people/delete/").content.decode()
    assert "Only the list goes" in page
    assert "It is also a tab of 1 other person." in page
    assert SmartList.objects.exists()
    answer = desk.post("/lists/contact/people/delete/", follow=True)
    assert said(answer) == ["The list “People” is deleted."]
    assert names(answer) == {"Acme", "Ada Lovelace", "Bob"}
    assert desk.get(f"{URL}lists/people/").status_code == 404
    assert labels(desk_of(ben).get(URL)) == ["All", "Prospects", "Customers"]


@pytest.mark.parametrize("path", ["save", "rename", "delete"])
def test_a_list_of_contacts_is_none_of_deals(desk, anna, book, path):
    kept(anna, "kind=person", "People")
    assert desk.post(f"/lists/deal/people/{path}/", {"name": "x"}).status_code == 404
    assert desk.get("/deals/lists/people/").status_code == 404


@pytest.mark.parametrize(
    "path", ["tabs", "counts", "menu", "new", "x/save", "x/rename", "x/delete"]
)
def test_there_are_no_lists_of_anything_else_nor_for_strangers(client, desk, path):
    for one in (desk.get, desk.post):
        assert one(f"/lists/invoice/{path}/").status_code in (404, 405)
    assert client.get(f"/lists/contact/{path}/").status_code == 302


# -- tabs


def tab_slugs(user, record="contact"):
    return [one.slug for one in tabs_of(registry_of(record), user, preference_of(user, record))]


def test_tabs_are_pinned_moved_and_taken_away(desk, anna, book):
    def press(**button):
        assert desk.post("/lists/contact/tabs/", button).status_code == 302
        return tab_slugs(anna)

    assert press(pin="mine") == ["all", "prospects", "customers", "mine"]
    assert press(pin="mine") == ["all", "prospects", "customers", "mine"]
    assert press(earlier="mine") == ["all", "prospects", "mine", "customers"]
    assert press(later="all") == ["prospects", "all", "mine", "customers"]
    assert press(earlier="prospects") == ["prospects", "all", "mine", "customers"]
    assert press(later="customers") == ["prospects", "all", "mine", "customers"]
    assert press(unpin="all") == ["prospects", "mine", "customers"]
    assert press(unpin="nonsense") == ["prospects", "mine", "customers"]
    assert tab_slugs(anna, "deal") == ["open", "won", "lost", "all"]
    assert press(forget="1") == ["all", "prospects", "customers"]


def test_tabs_are_brought_into_an_order_by_dragging(desk, anna, book):
    order = {"order": "1", "tab": ["customers", "all", "nonsense"]}
    assert desk.post("/lists/contact/tabs/", order).status_code == 302
    # One that came meanwhile is not lost.
    assert tab_slugs(anna) == ["customers", "all", "prospects"]


def test_somebody_may_have_no_tabs_at_all(desk, anna, book):
    for slug in ("all", "prospects", "customers"):
        desk.post("/lists/contact/tabs/", {"unpin": slug})
    assert tab_slugs(anna) == []
    answer = desk.get(f"{URL}lists/customers/")
    assert labels(answer) == ["Customers"], "the list that is looked at has a tab while it is"
    assert "No tabs." in desk.get("/lists/contact/tabs/").content.decode()


def test_a_list_that_is_gone_is_not_pinned(desk, anna, book):
    answer = desk.post("/lists/contact/tabs/", {"pin": "gone"})
    assert answer.status_code == 422
    assert "This list is gone." in answer.content.decode()
    assert not ListPreference.objects.filter(own_tabs=True).exists()


def test_there_is_an_end_to_tabs(anna, book):
    lists = [kept(anna, "kind=person", f"L{n}") for n in range(31)]
    with pytest.raises(ValidationError, match="At most 30"):
        set_tabs(registry_of("contact"), anna, lists, whose=anna)


def test_htmx_gets_the_tabs_again_after_a_button(desk, book):
    answer = desk.post(
        "/lists/contact/tabs/", {"later": "all"}, headers={**HTMX, "HX-Target": "arrange"}
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in page
    assert page.index('data-slug="prospects"') < page.index('data-slug="all"')


def test_an_administrator_sets_the_tabs_that_new_users_start_with(root, anna, ben, book):
    ours = kept(root, "kind=person", "Ours", shared=True)
    own = kept(root, "kind=person", "Private")
    desk_of(ben).post("/lists/contact/tabs/", {"unpin": "all"})
    desk = desk_of(root)
    assert "Tabs of new users" in desk.get("/lists/contact/tabs/").content.decode()
    desk.post("/lists/contact/tabs/", {"whose": "everybody", "pin": "ours"})
    desk.post("/lists/contact/tabs/", {"whose": "everybody", "earlier": "ours"})
    answer = desk.post("/lists/contact/tabs/", {"whose": "everybody", "pin": own.slug})
    assert answer.status_code == 422
    assert "Only lists that are everybody" in answer.content.decode()
    assert tab_slugs(anna) == ["all", "prospects", "ours", "customers"]
    assert tab_slugs(ben) == ["prospects", "customers"], "these are his own"
    assert ours in first_tabs(registry_of("contact"), anna)


def test_nobody_else_sets_the_tabs_of_new_users(desk, anna, ben, book):
    assert "Tabs of new users" not in desk.get("/lists/contact/tabs/").content.decode()
    answer = desk.post("/lists/contact/tabs/", {"whose": "everybody", "unpin": "all"})
    assert answer.status_code == 422
    assert tab_slugs(ben) == ["all", "prospects", "customers"]
    assert not ListTab.objects.exists()


# -- the menu of lists


def test_the_menu_has_all_lists_and_what_can_be_done_with_this_one(desk, anna, ben, book):
    kept(anna, "kind=person", "People")
    kept(ben, "kind=company", "Companies", shared=True)
    kept(ben, "kind=company", "Private")
    answer = desk.get("/lists/contact/menu/?list=people", headers=HTMX)
    page = html.unescape(answer.content.decode())
    assert [heading for heading, _rows in answer.context["groups"]] == [
        "My lists", "Everybody's lists", "Ready lists",
    ]  # fmt: skip
    assert "Pin “People” as a tab" in page
    assert "/lists/contact/people/rename/" in page
    assert "Ben Cole" in page
    assert "Private" not in page
    ready = desk.get("/lists/contact/menu/?list=customers", headers=HTMX).content.decode()
    assert "rename" not in ready
    assert "Take “Customers” off the tabs" in html.unescape(ready)


def test_without_scripts_the_menu_is_a_page(desk, book):
    assert desk.get("/lists/contact/menu/").headers["Location"] == "/lists/contact/tabs/"
    assert (
        'class="btn-quiet no-js-only" href="/lists/contact/tabs/"' in desk.get(URL).content.decode()
    )


def test_pinning_from_the_menu_leads_back_to_the_list(desk, book):
    answer = desk.post("/lists/contact/tabs/", {"pin": "untouched", "back": "untouched"})
    assert answer.headers["Location"] == "/contacts/lists/untouched/"


# -- counts


def counts(desk, record="contact"):
    page = desk.get(f"/lists/{record}/counts/").content.decode()
    return dict(re.findall(r'id="count-([\w-]+)" hx-swap-oob="true">([^<]+)<', page))


def test_tabs_are_counted_for_whoever_looks(desk, anna, ben, book):
    desk.post("/lists/contact/tabs/", {"pin": "mine"})
    assert counts(desk) == {"all": "3", "prospects": "0", "customers": "2", "mine": "1"}
    assert counts(desk_of(ben)) == {"all": "3", "prospects": "0", "customers": "2"}
    assert counts(desk, "deal") == {"open": "0", "won": "1", "lost": "0", "all": "1"}


def test_counts_stop_where_counting_would_take_long(desk, book, monkeypatch):
    monkeypatch.setattr(tab_views, "COUNTED_AT_ONCE", 2)
    monkeypatch.setattr(pages.count_up_to, "__defaults__", (2,))
    assert counts(desk) == {"all": "2+", "prospects": "0", "customers": "2"}


def test_counts_cost_a_query_a_tab(desk, anna, book):
    with CaptureQueriesContext(connection) as queries:
        desk.get("/lists/contact/counts/")
    assert len(queries) <= 8


def test_the_page_asks_for_the_counts_after_its_rows(desk, book):
    page = desk.get(URL).content.decode()
    assert page.index('hx-get="/lists/contact/counts/"') > page.index("</table>")
