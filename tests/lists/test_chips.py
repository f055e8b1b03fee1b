"""Chips on the page of a list, and the form that makes and changes them, with and without scripts."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.http import QueryDict

from crm.accounts.models import User
from crm.lists.editor import Editor
from crm.lists.models import ListAddress
from crm.lists.registry import registry_of
from deals.models import Deal
from settings.categories import Category
from settings.models import Tag
from tests.deals.factories import company, deal, person

pytestmark = pytest.mark.django_db
URL = "/contacts/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def anna():
    return User.objects.create_user("anna", first_name="Anna", last_name="Berg")


@pytest.fixture
def desk(client, anna):
    client.force_login(anna)
    return client


@pytest.fixture
def book(anna):
    acme = company("Acme", city="Berlin")
    ada = person("Lovelace", first_name="Ada", company=acme, owner=anna)
    deal(ada, "won")
    return {"acme": acme, "ada": ada, "bob": person("Bob", city="Paris")}


def names(answer):
    return {contact.name for contact in answer.context["rows"]}


def entered(desk, base="", path=URL, **parts):
    """The form of a chip, sent; by default for the first place of the first group."""
    query = QueryDict(mutable=True)
    query["set"] = parts.pop("place", "0.0")
    query["base"] = base
    for name, value in parts.items():
        query.setlist(name, value if isinstance(value, list) else [value])
    return desk.get(f"{path}?{query.urlencode()}")


# -- what the forms say becomes an address


@pytest.mark.parametrize(
    ("parts", "query"),
    [
        ({"field": "kind", "op": "is", "value": "person"}, "kind=person"),
        ({"field": "kind", "op": "not.is", "value": ["person"]}, "not.kind=person"),
        ({"field": "kind", "op": "is", "not": "1", "value": "person"}, "not.kind=person"),
        (
            {"field": "customer_status", "op": "is", "value": ["current", "past"]},
            "customer_status=current&customer_status=past",
        ),
        ({"field": "city", "op": "contains", "value": ["Par", "", "Ber"]}, "city=Par&city=Ber"),
        ({"field": "city", "op": "empty"}, "city.empty=yes"),
        ({"field": "city", "op": "not.empty"}, "not.city.empty=yes"),
        ({"field": "won_deals", "op": "least", "value": "2"}, "won_deals.least=2"),
        (
            {"field": "open_value", "op": "least", "value": "1,000.50", "currency": "EUR"},
            "open_value=1000.50+EUR",
        ),
        (
            {"field": "created", "op": "in", "mode": "fixed", "fixed": "this-year"},
            "created=this-year",
        ),
        (
            {"field": "created", "op": "in", "mode": "relative", "which": "last", "number": "90",
             "unit": "day", "fixed": "today"},
            "created=last-90-days",
        ),
        (
            {"field": "created", "op": "in", "mode": "dates", "first": "2026-01-01", "last": ""},
            "created=2026-01-01..",
        ),
        (
            {"field": "created", "op": "over", "number": "6", "unit": "month"},
            "created.over=6-months",
        ),
        (
            {"field": "prospect_became", "op": "became", "value": ["current", "lost"],
             "mode": "fixed", "fixed": "this-month"},
            "prospect_became=current%40this-month&prospect_became=lost%40this-month",
        ),
        (
            {"field": "prospect_was", "op": "was", "value": "lost", "day": "2026-01-31"},
            "prospect_was=lost%402026-01-31",
        ),
        ({"field": "disagree", "op": "is", "value": "yes"}, "disagree=yes"),
        ({"field": "owner", "op": "is", "value": ["me", "none"]}, "owner=me&owner=none"),
    ],
)  # fmt: skip
def test_what_a_form_says_becomes_a_chip_of_the_address(desk, book, parts, query):
    answer = entered(desk, **parts)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{URL}?{query}"
    assert not desk.get(answer.headers["Location"]).context["state"].faults


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"field": "kind", "op": "is"}, "Choose at least one."),
        ({"field": "kind", "op": "is", "value": "robot"}, "“robot” is none of its values"),
        ({"field": "city", "op": "is", "value": "  "}, "A value is missing."),
        ({"field": "won_deals", "op": "is", "value": "many"}, "“many” is no number."),
        ({"field": "open_value", "op": "least", "value": "x", "currency": "EUR"}, "“x” is no number."),
        (
            {"field": "created", "op": "in", "mode": "relative", "which": "last", "number": "ten",
             "unit": "day"},
            "“ten” is no whole number from 1 to 9999.",
        ),
        ({"field": "created", "op": "in", "mode": "dates"}, "Give the first day, the last one"),
        (
            {"field": "created", "op": "in", "mode": "dates", "first": "2026-02-01",
             "last": "2026-01-01"},
            "ends before it begins",
        ),
        ({"field": "created", "op": "over", "number": "-3", "unit": "day"}, "no whole number"),
        ({"field": "prospect_was", "op": "was", "value": "lost"}, "Choose a day."),
        (
            {"field": "prospect_became", "op": "became", "mode": "fixed", "fixed": "today"},
            "Choose at least one.",
        ),
        ({"field": "company", "op": "is", "find": "Nobody Inc"}, "Nobody is called “Nobody Inc”."),
    ],
)  # fmt: skip
def test_a_wrong_value_shows_the_form_again_with_the_reason(desk, book, parts, reason):
    answer = entered(desk, base="owner=me", place="0.1", **parts)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert reason in answer.context["editor"].problem
    assert re.search(r'id="editor-problem" role="alert"', page)
    # The list under it is the one before.
    assert [chip.key for chip in answer.context["state"].conditions.chips] == ["owner"]
    for name in ("find", "number", "first"):
        if parts.get(name):
            assert f'value="{parts[name]}"' in page, "nothing that was entered is lost"


def test_htmx_gets_the_form_alone_and_keeps_the_address(desk, book):
    query = "?set=0.0&base=&field=won_deals&op=is&value=many"
    answer = desk.get(URL + query, headers={**HTMX, "HX-Target": "list"})
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#editor"
    assert answer.headers["HX-Push-Url"] == "false"
    assert answer.content.decode().strip().startswith('<div id="editor">')


def test_a_chip_is_put_back_where_it_was(desk, book):
    base = "kind=person&city=Paris&2.owner=me"
    answer = entered(desk, base=base, place="0.0", field="kind", op="is", value="company")
    assert answer.headers["Location"] == f"{URL}?kind=company&city=Paris&2.owner=me"
    answer = entered(desk, base=base, place="1.1", field="city", op="is", value="Rome")
    assert answer.headers["Location"] == f"{URL}?kind=person&city=Paris&2.owner=me&2.city.is=Rome"
    answer = entered(desk, base=base, place="2.0", field="city", op="empty")
    assert answer.headers["Location"].endswith("&2.owner=me&3.city.empty=yes")


def test_the_rest_of_the_list_stays_when_a_chip_is_made(desk, book):
    base = "q=a&sort=-name&columns=city&density=compact&per_page=100"
    answer = entered(desk, base=base, field="kind", op="is", value="person")
    assert answer.headers["Location"] == f"{URL}?kind=person&{base}"


@pytest.mark.parametrize(
    "query",
    [
        "set=0.0&base=&field=password&op=is&value=x",
        "set=x&base=&field=kind&op=is&value=person",
        "set=0.0&base=&field=kind&op=like&value=person",
        "set=-1.0&base=&field=kind&op=is&value=person",
        "set=0.0&field=kind",
        "set=²&base=&field=kind&op=is&value=person",
    ],
)
def test_what_no_form_of_the_page_sends_changes_nothing(desk, book, query):
    answer = desk.get(f"{URL}?{query}")
    assert answer.status_code in (302, 422)
    if answer.status_code == 302:
        assert answer.headers["Location"] == URL


@pytest.mark.parametrize("query", ["edit=9.9", "edit=x", "add=0.password", "add=0", "choose=-1"])
def test_a_panel_that_is_not_there_is_no_error(desk, book, query):
    answer = desk.get(f"{URL}?kind=person&{query}")
    assert answer.status_code == 200
    assert '<div id="editor"></div>' in answer.content.decode()


def test_a_long_state_travels_under_its_letters(desk, book):
    base = "&".join(f"city={n:03}{'x' * 60}" for n in range(40))
    form = desk.get(f"{URL}?{base}", follow=True)
    letters = form.redirect_chain[0][0].partition("?")[2]
    page = desk.get(f"{URL}?{letters}&add=0.kind")
    sent = page.context["editor"].base
    assert sent == letters
    answer = entered(desk, base=sent, place="0.1", field="kind", op="is", value="person")
    followed = desk.get(answer.headers["Location"], follow=True)
    assert len(followed.context["state"].conditions.chips) == 2
    assert "s=" in followed.redirect_chain[0][0]
    assert (
        entered(desk, base="s=nonsense", field="kind", op="is", value="person").status_code == 404
    )


def test_an_open_panel_is_no_part_of_a_kept_address(desk, book):
    base = "&".join(f"city={n:03}{'x' * 60}" for n in range(40))
    answer = desk.get(f"{URL}?{base}&edit=0.0")
    assert answer.headers["Location"].endswith("&edit=0.0")
    assert "edit" not in ListAddress.objects.get().query


# -- comparisons and their widgets


def widget(desk, query):
    answer = desk.get(f"{URL}?{query}", headers={**HTMX, "HX-Target": "editor"})
    assert answer.status_code == 200
    return answer


def test_each_comparison_is_followed_by_its_opposite(desk, book):
    editor = widget(desk, "add=0.city").context["editor"]
    assert [value for value, _label, _chosen in editor.operators] == [
        "contains", "not.contains", "is", "not.is", "starts", "not.starts", "empty", "not.empty",
    ]  # fmt: skip
    editor = widget(desk, "add=0.disagree").context["editor"]
    assert [value for value, _label, _chosen in editor.operators] == ["is"]


def test_a_negated_chip_is_edited_as_such(desk, book):
    editor = widget(desk, "not.won_deals.least=2&edit=0.0").context["editor"]
    chosen = [value for value, _label, chosen in editor.operators if chosen]
    assert chosen == ["not.least"]


def test_another_comparison_brings_its_widget_and_loses_nothing(desk, book):
    answer = widget(desk, "show=1&set=0.0&base=&field=city&op=starts&value=Ber&value=")
    assert answer.context["editor"].values == ["Ber", ""]
    assert not answer.context["editor"].problem
    answer = widget(desk, "show=1&set=0.0&base=&field=created&op=over&mode=fixed&fixed=today")
    assert 'name="unit"' in answer.content.decode()
    # Without scripts the same button shows the whole page.
    page = desk.get(f"{URL}?show=1&set=0.0&base=kind%3Dperson&field=city&op=empty")
    assert page.status_code == 200
    assert names(page) == {"Ada Lovelace", "Bob"}


@pytest.mark.parametrize("record", ["contact", "deal"])
def test_every_comparison_of_every_field_has_a_form(desk, book, record):
    for category in Category.of_record(record):
        Tag.objects.create(category=category, name="Fair")
    registry = registry_of(record)
    path = {"contact": "/contacts/", "deal": "/deals/"}[record]
    for field in registry.filters():
        for operator in field.kind.operators:
            query = f"show=1&set=0.0&base=&field={field.name}&op={operator.name}"
            answer = desk.get(f"{path}?{query}", headers={**HTMX, "HX-Target": "editor"})
            page = answer.content.decode()
            assert answer.status_code == 200, (field.name, operator.name)
            names = re.findall(r'name="(\w+)"', page.partition("editor-scroll")[2])
            if operator.widget == "yes":
                assert not names
            else:
                assert names, (field.name, operator.name, operator.widget)


def test_a_filter_without_values_says_so(desk, book):
    query = "show=1&set=0.0&base=&field=tags&op=is"
    answer = desk.get(f"/contacts/?{query}", headers={**HTMX, "HX-Target": "editor"})
    assert "There is nothing to choose from yet." in answer.content.decode()


def test_what_a_form_shows_gives_the_same_chip_again(desk, book):
    """Opening a form and sending it untouched changes nothing."""
    asked = {
        "created": "in",
        "won_deals": "is",
        "city": "contains",
        "prospect_became": "became",
        "prospect_was": "was",
        "open_value": "least",
    }
    values = {
        "created": ["last-3-weeks", "2025-01-01..2025-12-31", "today"],
        "won_deals": ["2", "3"],
        "city": ["Par", "Ber"],
        "prospect_became": ["current@last-30-days", "lost@last-30-days", "lost@this-year"],
        "prospect_was": ["current@2026-01-31", "lost@2025-12-31"],
        "open_value": ["1000.5 EUR"],
    }
    for name, op in asked.items():
        query = QueryDict(mutable=True)
        query.setlist(name, values[name])
        base = query.urlencode()
        page = widget(desk, f"{base}&edit=0.0").content.decode()
        sent = {"field": name, "op": op, **sent_by(page)}
        answer = entered(desk, base=base, **sent)
        assert answer.headers["Location"] == f"{URL}?{base}", name


def sent_by(page: str) -> dict[str, list[str]]:
    """What a browser sends of the widgets of a form that nobody touched."""
    widgets = page.partition("editor-scroll")[2]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]+>", widgets):
        parts = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if parts.get("type") in ("checkbox", "radio") and " checked" not in tag:
            continue
        if "name" in parts and "disabled" not in tag:
            found.setdefault(parts["name"], []).append(parts.get("value", ""))
    for name, options in re.findall(r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', widgets):
        chosen = re.findall(r'<option value="([^"]*)" selected', options)
        first = re.findall(r'<option value="([^"]*)"', options)
        found.setdefault(name, []).append((chosen or first)[0])
    return found


@pytest.mark.parametrize(
    ("language", "shown"), [("en", "1234.5"), ("de", "1234,5"), ("fr", "1234,5")]
)
def test_a_number_is_entered_as_people_write_it(desk, anna, book, language, shown):
    anna.language = language
    anna.save()
    answer = desk.get("/deals/?value.least=1234.5&edit=0.0")
    assert f'name="value" value="{shown}"' in answer.content.decode()
    answer = entered(
        desk, base="value.least=1234.5", path="/deals/", field="value", op="least", value=shown
    )
    assert answer.headers["Location"] == "/deals/?value.least=1234.5"


@pytest.mark.parametrize(
    ("language", "typed", "kept"),
    [
        ("en", "1,000.50", "1000.50"),
        ("en", "1,234,567", "1234567"),
        ("de", "1.000", "1000"),
        ("de", "1.234,5", "1234.5"),
        ("de", "9.5", "9.5"),
        ("fr", "12 345,5", "12345.5"),
        ("fr", "12\u202f345", "12345"),
    ],
)
def test_groups_of_digits_are_read_as_people_write_them(desk, anna, book, language, typed, kept):
    anna.language = language
    anna.save()
    answer = entered(desk, path="/deals/", field="value", op="least", value=typed)
    assert answer.headers["Location"] == f"/deals/?value.least={kept}"


def test_a_comma_that_parts_no_thousands_is_refused(desk, book):
    answer = entered(desk, path="/deals/", field="value", op="least", value="1,5")
    assert answer.status_code == 422


# -- records


def test_a_company_is_found_by_its_name(desk, book):
    company("Acme Bank")
    answer = desk.get(
        f"{URL}?show=1&set=0.0&base=&field=company&op=is&find=acme",
        headers={**HTMX, "HX-Target": "found"},
    )
    page = answer.content.decode()
    assert {name for _pk, name, _more in answer.context["editor"].found} == {"Acme", "Acme Bank"}
    assert page.strip().startswith('<div id="found">')


def test_a_typed_name_is_enough_where_it_means_one_record(desk, book):
    acme = book["acme"].pk
    answer = entered(desk, field="company", op="is", find="acm")
    assert answer.headers["Location"] == f"{URL}?company={acme}"
    company("Acme Bank")
    answer = entered(desk, field="company", op="is", find="acm")
    assert answer.status_code == 422
    assert "Several match “acm”" in answer.context["editor"].problem
    assert f'value="{acme}"' in answer.content.decode()
    # The whole name of one of them means this one.
    answer = entered(desk, field="company", op="is", find="Acme")
    assert answer.headers["Location"] == f"{URL}?company={acme}"
    # Whoever ticked one has chosen.
    answer = entered(desk, field="company", op="is", find="acm", value=str(acme))
    assert answer.headers["Location"] == f"{URL}?company={acme}"


def test_a_further_company_joins_those_that_are_chosen(desk, book):
    other = company("Bolt")
    answer = entered(desk, field="company", op="is", find="bolt", value=str(book["acme"].pk))
    assert answer.headers["Location"] == f"{URL}?company={book['acme'].pk}&company={other.pk}"


# -- the page


def test_chips_stand_in_groups_with_their_sentences(desk, book):
    answer = desk.get(f"{URL}?kind=person&not.city.contains=Paris&2.owner=me")
    page = answer.content.decode()
    assert re.search(r"City does not contain <em>“Paris”</em>", page)
    assert re.search(r'<span class="chips-or">or</span>', page)
    groups = answer.context["chips"]
    assert [[chip["id"] for chip in group["chips"]] for group in groups] == [
        ["0-0", "0-1"],
        ["1-0"],
    ]
    assert groups[1]["chips"][0]["without"] == "?kind=person&not.city.contains=Paris"
    assert names(answer) == {"Ada Lovelace"}


def test_the_menu_of_fields_leads_to_each_form(desk, book):
    answer = widget(desk, "q=a&choose=0")
    links = re.findall(r'<li><a href="([^"]+)"', answer.content.decode())
    assert len(links) == len(registry_of("contact").filters())
    assert links[0] == "?q=a&amp;add=0.prospect_status"


def test_the_button_to_filter_keeps_what_is_in_the_search_box(desk, book):
    """It is a button of the same form, which browsers send with it."""
    page = desk.get(f"{URL}?q=ada&choose=0").content.decode()
    form = page.partition('id="list-form"')[2].partition("</form>")[0]
    assert 'name="choose" value="0"' in form
    assert "?q=ada&amp;add=0.kind" in page


def test_values_cannot_break_out_of_a_chip_or_its_form(desk, book):
    evil = '"><img src=x onerror=alert(1)>'
    query = QueryDict(mutable=True)
    query["city"] = evil
    page = desk.get(f"{URL}?{query.urlencode()}&edit=0.0").content.decode()
    page += entered(desk, field="won_deals", op="is", value=evil).content.decode()
    page += entered(desk, field="company", op="is", find=evil).content.decode()
    page += desk.get(URL, {"why": "?", "find": evil}).content.decode()
    assert "<img src=x" not in page


def test_a_chip_that_can_never_hold_is_marked(desk, book):
    answer = desk.get(f"{URL}?prospect_status=lost&won_deals.least=1&active_deals.least=1")
    if answer.context["never"]:
        assert "can never fit together" in answer.content.decode()
    answer = desk.get(f"{URL}?active_deals.least=2&active_deals.most=1&2.kind=person")
    assert answer.status_code == 200
    assert not answer.context["never"]
    assert names(answer) == {"Ada Lovelace", "Bob"}


def test_a_filter_that_is_not_available_shows_nobody_and_says_so(desk, book):
    answer = desk.get(f"{URL}?colour=red&kind=person")
    page = answer.content.decode()
    assert answer.context["rows"] == []
    assert "Not available to you" in page
    assert "chip-unavailable" in page
    # The one that is understood can still be edited, the other one only be taken away.
    assert 'href="?colour=red&amp;kind=person&amp;edit=0.1"' in page
    assert 'href="?colour=red&amp;kind=person&amp;edit=0.0"' not in page
    assert answer.context["clear"] == URL


# -- why


def test_why_says_chip_by_chip_what_was_seen(desk, book):
    query = "customer_status=current&city=Rome&2.owner=none"
    answer = desk.get(f"{URL}?{query}&why={book['ada'].pk}", headers={**HTMX, "HX-Target": "why"})
    page = answer.content.decode()
    why = answer.context["why"]
    assert "Ada Lovelace is not in this list" in page
    assert [[one.passed for one in group] for group in why.groups] == [[True, False], [False]]
    assert "Current Customer" in page
    assert "Anna Berg" in page
    assert page.count("fails") == 2


def test_somebody_is_looked_up_to_ask_why(desk, book):
    page = desk.get(f"{URL}?kind=person&why=").content.decode()
    assert "Why is somebody in this list, or not?" in page
    answer = desk.get(
        URL,
        {"kind": "person", "why": "?", "find": "lovelace"},
        headers={**HTMX, "HX-Target": "why-found"},
    )
    assert [one["name"] for one in answer.context["why_found"]] == ["Ada Lovelace"]
    assert f'href="?kind=person&amp;why={book["ada"].pk}"' in answer.content.decode()
    nobody = desk.get(URL, {"why": "?", "find": "nowhere"}).content.decode()
    assert "Nothing is called so." in nobody


def test_why_says_nothing_of_what_is_gone(desk, book):
    page = desk.get(f"{URL}?kind=person&why=999999").content.decode()
    assert "This record is gone, or not available to you." in page


def test_why_works_for_deals(desk, book):
    one = Deal.objects.get()
    page = desk.get(f"/deals/lists/open/?why={one.pk}").content.decode()
    assert f"{one.name} is not in this list" in page


# -- empty lists


def test_dates_of_a_form_are_read_as_days(desk, book):
    today = date.today().isoformat()
    answer = entered(desk, field="created", op="in", mode="dates", first=today, last=today)
    assert names(desk.get(answer.headers["Location"])) == {"Acme", "Ada Lovelace", "Bob"}


def test_the_form_knows_where_its_focus_goes_back_to(desk, book):
    def trigger(query):
        found = desk.get(f"{URL}?{query}").context
        editor = found.get("editor")
        return editor.trigger if isinstance(editor, Editor) else found["editor_trigger"]

    assert trigger("kind=person&edit=0.0") == "chip-0-0"
    assert trigger("kind=person&add=0.city") == "add-filter"
    assert trigger("kind=person&choose=1") == "or-filter"
    assert trigger("kind=person&2.owner=me&choose=1") == "add-1"
    assert trigger("choose=0") == "add-filter"
