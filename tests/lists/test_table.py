"""The table of a list: its columns, its order, how high its rows are, what stands in its rows."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from crm.accounts.models import User
from crm.lists.models import ListPreference, SmartList
from crm.lists.registry import registry_of
from crm.lists.saved import preference_of, remember
from crm.lists.state import ListState
from crm.lists.tables import RecordTable
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db
PANEL = "/lists/contact/columns/"


@pytest.fixture
def anna():
    return User.objects.create_user("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def desk(client, anna):
    client.force_login(anna)
    return client


@pytest.fixture
def ada():
    return person("Lovelace", first_name="Ada", email="ada@example.com", company=company("Äcme"))


def heads(answer):
    found = re.findall(r'<th scope="col".*?</th>', answer.content.decode(), re.DOTALL)
    return [re.sub(r"<[^>]+>", "", one).strip() for one in found]


def panel(desk, **sent):
    return desk.post(PANEL, {"list": "", "state": "", "by": ["name"], "down": ["0"], **sent})


# -- columns


def test_chosen_columns_stand_in_the_address_in_their_order_and_are_remembered(desk, anna, ada):
    answer = panel(desk, column=["email", "company"])
    assert answer.url == "/contacts/?columns=email%2Ccompany"
    assert heads(desk.get(answer.url)) == ["Name", "E-mail", "Company"]
    assert heads(desk.get("/contacts/")) == ["Name", "E-mail", "Company"]
    deal(ada)
    assert heads(desk.get("/deals/lists/all/"))[:2] == ["Deal", "Main contact"]


def test_an_address_goes_on_saying_its_columns_whatever_the_reader_likes(desk, anna, ada):
    remember(anna, "contact", columns=["email"])
    text = desk.get("/contacts/?columns=email").content.decode()
    assert "?sort=-name&amp;columns=email" in text
    text = desk.get("/contacts/").content.decode()
    assert re.search(r'id="sort-name" href="([^"]*)"', text)[1] == "?sort=-name"


def test_columns_that_do_not_exist_are_left_out_of_what_is_remembered(desk, anna, ada):
    panel(desk, column=["email", "password", "name", "email", "disagree"])
    assert preference_of(anna, "contact").columns == ["email"]


def test_without_any_column_the_name_alone_stands(desk, ada):
    answer = panel(desk)
    assert answer.url == "/contacts/?columns=name"
    assert heads(desk.get(answer.url)) == ["Name"]
    assert heads(desk.get("/contacts/")) == ["Name"]


def test_the_usual_columns_come_back(desk, anna, ada):
    panel(desk, column=["email"])
    answer = panel(desk, reset="1", state="columns=email&sort=-updated")
    assert answer.url == "/contacts/?sort=-updated"
    assert heads(desk.get("/contacts/"))[1] == "Company"


def test_a_column_moves_with_a_button_and_nothing_is_stored_yet(desk, anna, ada):
    answer = panel(desk, column=["email", "city", "owner"], move="owner.up")
    shown = re.findall(r'name="column" value="(\w+)" checked', answer.content.decode())
    assert shown == ["email", "owner", "city"]
    answer = panel(desk, column=["email", "city"], move="email.up")
    assert re.findall(r'value="(\w+)" checked', answer.content.decode())[:2] == ["email", "city"]
    assert not ListPreference.objects.exists()


def test_the_panel_of_a_saved_list_shows_its_columns_and_leads_back_to_it(desk, anna, ada):
    SmartList.objects.create(
        record="contact", name="Mine", slug="mine-too", owner=anna, columns=["city"], sort="name"
    )
    answer = desk.get(PANEL, {"list": "mine-too", "state": ""})
    assert re.findall(r'value="(\w+)" checked', answer.content.decode())[0] == "city"
    answer = panel(desk, list="mine-too", column=["city", "email"])
    assert answer.url == "/contacts/lists/mine-too/?columns=city%2Cemail"


@pytest.mark.parametrize(
    ("url", "status"),
    [("/lists/robot/columns/", 404), (f"{PANEL}?list=nobodys", 404), (PANEL, 200)],
)
def test_there_is_a_panel_only_for_lists_that_there_are(desk, url, status):
    assert desk.get(url).status_code == status


def test_a_list_of_somebody_else_has_no_panel(desk):
    other = User.objects.create_user("other")
    SmartList.objects.create(record="contact", name="Theirs", slug="theirs", owner=other)
    assert desk.get(PANEL, {"list": "theirs"}).status_code == 404


def test_the_panel_never_widens_a_list_that_is_not_understood(desk, anna, ada):
    answer = panel(desk, state="nonsense=1&customer_status=past", column=["email"])
    assert answer.url == "/contacts/?nonsense=1&customer_status=past"
    assert not ListPreference.objects.exists()


def test_filters_and_text_survive_the_choice_of_columns(desk, ada):
    answer = panel(desk, state="customer_status=none&q=ada", column=["email"])
    assert answer.url == "/contacts/?customer_status=none&q=ada&columns=email"
    assert "1 contact" in desk.get(answer.url).content.decode()


# -- order


def test_the_panel_sorts_by_several_columns(desk, ada):
    answer = panel(
        desk, column=["city"], by=["city", "", "updated", "city"], down=["0", "0", "1", "1"]
    )
    assert "sort=city%2C-updated" in answer.url
    text = desk.get(answer.url).content.decode()
    assert text.count("aria-sort=") == 1
    assert re.search(r'aria-sort="ascending" class="col-city', text)


def test_one_head_is_sorted_and_the_others_say_their_place(desk, ada):
    text = desk.get("/contacts/?sort=company,-updated").content.decode()
    assert re.findall(r'aria-sort="(\w+)"', text) == ["ascending"]
    assert "sorted by it in place 2, descending" in text


def test_a_further_column_is_added_behind_those_that_sort_already(anna):
    state = ListState.of(registry_of("contact"), anna, QueryDict("sort=company,-updated"))
    headers = {one.field.name: one for one in RecordTable(state).headers()}
    assert headers["owner"].url == "?sort=owner"
    assert headers["owner"].then_url == "?sort=company%2C-updated%2Cowner"
    assert headers["updated"].then_url == "?sort=company%2Cupdated"
    assert headers["updated"].url == "?sort=updated"


def test_nothing_is_added_behind_five(anna):
    names = "city,country,email,phone,title"
    state = ListState.of(registry_of("contact"), anna, QueryDict(f"sort={names}&columns=mobile"))
    headers = {one.field.name: one for one in RecordTable(state).headers()}
    assert (headers["mobile"].url, headers["mobile"].then_url) == (
        "?sort=mobile&columns=mobile",
        "",
    )


# -- rows


def test_height_and_number_of_rows_are_remembered(desk, anna, ada):
    panel(desk, column=["email"], density="compact", per_page="100")
    found = preference_of(anna, "contact")
    assert (found.density, found.per_page) == ("compact", 100)
    assert 'class="density-compact"' in desk.get("/contacts/").content.decode()


def test_heights_and_sizes_that_there_are_not_are_not_remembered(desk, anna, ada):
    panel(desk, column=["email"], density="huge", per_page="100000")
    found = preference_of(anna, "contact")
    assert (found.density, found.per_page) == ("", 0)


def test_the_address_goes_before_what_is_remembered(desk, anna, ada):
    remember(anna, "contact", density="compact", per_page=25)
    text = desk.get("/contacts/?density=comfortable").content.decode()
    assert 'class="density-comfortable"' in text
    state = "density=comfortable&per_page=50"
    answer = panel(desk, state=state, column=["city"], density="compact", per_page="200")
    assert answer.url.endswith("density=compact&per_page=200")


def test_each_row_can_be_chosen_by_its_name(desk, ada):
    text = desk.get("/contacts/").content.decode()
    assert f'form="act" name="row" value="{ada.pk}" aria-label="Select Ada Lovelace"' in text
    assert f'name="page" value="{ada.company_id},{ada.pk}"' in text


def test_the_form_of_the_rows_holds_the_list_and_its_state(desk, ada):
    text = desk.get("/contacts/lists/untouched/?q=ada").content.decode()
    assert '<input type="hidden" name="list" value="untouched">' in text
    assert '<input type="hidden" name="state" value="q=ada">' in text
    assert 'name="count" id="act-count" value="1"' in text


def test_names_are_only_text(desk):
    person('<b>"&', first_name="Bobby")
    text = desk.get("/contacts/").content.decode()
    assert 'aria-label="Select Bobby &lt;b&gt;&quot;&amp;"' in text
    assert "<b>" not in text


# -- single letters


def test_single_letters_can_be_switched_off_and_on(desk, anna):
    for value, wanted in (("off", False), ("on", True)):
        answer = desk.post("/accounts/shortcuts/", {"shortcuts": value})
        assert answer.status_code == 302
        anna.refresh_from_db()
        assert anna.shortcuts is wanted
        text = desk.get("/contacts/").content.decode()
        assert ('data-shortcuts="off"' in text) is not wanted
    assert "Switch single letters off" in desk.get("/accounts/shortcuts/").content.decode()


def test_nobody_switches_them_without_signing_in(client, anna):
    answer = client.post("/accounts/shortcuts/", {"shortcuts": "off"})
    assert answer.url.startswith("/accounts/login/")
    anna.refresh_from_db()
    assert anna.shortcuts


# -- what it costs


@pytest.mark.parametrize("record", ["contact", "deal"])
def test_a_list_costs_as_many_queries_with_all_columns_as_with_forty_rows(desk, record):
    names = ",".join(one.name for one in registry_of(record).columns())
    url = f"/{record}s/lists/all/?columns={names}"
    asked = []
    for number in (2, 38):
        for _one in range(number):
            deal(person(company=company(), owner=User.objects.first()))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert desk.get(url).status_code == 200
        asked.append(len(queries))
    # The session and the user are asked for besides.
    assert asked[0] == asked[1] <= 12


def test_a_page_of_fifty_rows_stays_light(desk, anna):
    employers = [company(f"Company with a name of its own {n}") for n in range(10)]
    Contact.objects.bulk_create(
        Contact(first_name="Philippa", last_name=f"Featherstonehaugh {n}", title="Head of Sales",
                company=employers[n % 10], owner=anna)
        for n in range(60)
    )  # fmt: skip
    text = desk.get("/contacts/").content.decode()
    assert text.count('name="row"') == 50
    assert len(text.encode()) <= 40 * 1024
    assert len(re.findall(r"<[a-z]", text)) <= 1_500
