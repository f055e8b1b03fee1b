"""Writing a mail in a browser: with the keyboard alone, and how its pages look."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from crm.accounts.models import User
from emails.models import Mailing
from emails.versions import make_template, save_version
from tests.access.worlds import administrator
from tests.deals.factories import company, person
from tests.e2e.conftest import KEY_LOOKS, faults
from tests.emails.writers import drafted, sender, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
HTML = (
    '<h1>News</h1><p>Dear {{ first_name | "reader" }},</p><ul><li>one</li></ul>'
    '<p><a class="button" href="https://example.org/">Read it</a></p>'
)


@pytest.fixture
def anna() -> User:
    user = administrator("anna")
    user.email = "anna@example.org"
    user.save()
    return user


@pytest.fixture
def book(anna: User) -> None:
    sender()
    person("Lovelace", first_name="Ada", email="ada@example.org")
    company("Zuse KG", email="info@zuse.example")
    person("Without")


@pytest.fixture
def mailing(anna: User, book: None) -> Mailing:
    made = drafted(signed_in(anna))
    made.subject, made.html = 'News for {{ first_name | "you" }}', HTML
    made.save()
    return made


def tab_to(page: Any, selector: str, key: str = "Tab", *, most: int = 40) -> None:
    for _turn in range(most):
        page.keyboard.press(key)
        if page.evaluate("one => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"{selector} is not reached with {key}")


def focused(page: Any, selector: str) -> None:
    expect(page.locator(selector)).to_be_focused()


def test_a_mail_is_written_with_the_keyboard_alone(visitor: Any, anna: User, book: None) -> None:
    page = visitor(anna)
    keys = page.keyboard
    page.goto("/contacts/")
    tab_to(page, "#pick-page")
    keys.press("Space")
    tab_to(page, "#act button[formaction^='/mailings/new/']")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Write a mailing")
    expect(page.locator("#audience")).to_contain_text("2 recipients")

    tab_to(page, "#id_subject")
    keys.type("News for ")
    keys.press("Tab")
    keys.press("Enter")
    focused(page, "#field-name")
    keys.press("Tab")
    # A fallback is asked for.
    keys.press("Enter")
    focused(page, "#field-instead")
    keys.type("you")
    keys.press("Enter")
    focused(page, "#id_subject")
    expect(page.locator("#id_subject")).to_have_value('News for {{ first_name | "you" }}')

    # Or it is said that nothing may stand there.
    tab_to(page, "[data-field-into]")
    keys.press("Enter")
    keys.type("Last")
    tab_to(page, "#field-nothing")
    keys.press("Space")
    tab_to(page, "#field-dialog [data-done]")
    keys.press("Enter")
    focused(page, "#id_subject")
    whole = 'News for {{ first_name | "you" }}{{ last_name | "" }}'
    expect(page.locator("#id_subject")).to_have_value(whole)

    tab_to(page, "#rich")
    keys.type("Hello ")
    keys.press("Alt+F10")
    focused(page, "#rich-bar [data-do=bold]")
    tab_to(page, "[data-do=field]", "ArrowRight")
    keys.press("Enter")
    keys.press("Tab")
    keys.type("there")
    keys.press("Enter")
    focused(page, "#rich")
    keys.type(", read ")
    keys.press("Control+k")
    keys.press("Escape")
    focused(page, "#rich")
    keys.press("Control+k")
    keys.type("this")
    keys.press("Tab")
    keys.type("example.org/news")
    keys.press("Enter")
    focused(page, "#rich")
    keys.press("Enter")
    keys.press("Alt+F10")
    tab_to(page, "[data-do=bullets]", "ArrowLeft")
    with page.expect_response("**/write/") as saved:
        keys.press("Enter")
        keys.type("One")
    assert saved.value.status == 200
    assert Mailing.objects.get().html == (
        '<p>Hello {{ first_name | "there" }}, read <a href="https://example.org/news">this</a></p>'
        "<ul><li>One</li></ul>"
    )
    # The text holds nobody who leaves it.
    keys.press("Tab")
    focused(page, "#plain summary")

    tab_to(page, "button[value=preview]")
    keys.press("Enter")
    mail = page.frame_locator(".preview-frame").locator("body")
    expect(mail).to_contain_text("Hello Ada, read this")
    tab_to(page, "#next")
    keys.press("Enter")
    expect(mail).to_contain_text("Hello there, read this")
    tab_to(page, ".page-actions a[href$='/write/']", "Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Write a mailing")
    tab_to(page, "button[value=check]")
    keys.press("Enter")
    focused(page, "#check")


def test_what_is_pasted_keeps_what_a_mail_may_have(
    visitor: Any, anna: User, mailing: Mailing
) -> None:
    page = visitor(anna, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/mailings/{mailing.pk}/write/")
    page.locator("#rich").press("Control+a")
    page.evaluate(
        """() => {
            const pasted = new DataTransfer();
            pasted.setData("text/html", '<div onclick="x()"><h2 class="big">Title</h2>'
                + '<table><tr><td>cell</td></tr></table>'
                + '<script>alert(1)</' + 'script><a href="javascript:alert(1)">bad</a> <a href="https://example.org/">good</a>'
                + '<img src="https://spy.example/a.png"></div>');
            document.getElementById("rich").dispatchEvent(
                new ClipboardEvent("paste", { clipboardData: pasted, bubbles: true, cancelable: true }));
        }"""
    )
    rich = page.locator("#rich")
    expect(rich.locator("h2")).to_have_text("Title")
    expect(rich.locator("a")).to_have_text("good")
    expect(rich.locator("table, script, img, [onclick], [class='big']")).to_have_count(0)
    # The browser tells that it did not run what was pasted.
    visitor.complaints[:] = [one for one in visitor.complaints if "has been blocked" not in one]


def test_another_tab_is_told_of_and_nothing_typed_is_lost(
    visitor: Any, anna: User, mailing: Mailing
) -> None:
    page = visitor(anna)
    page.goto(f"/mailings/{mailing.pk}/write/")
    other = page.context.new_page()
    other.goto(f"/mailings/{mailing.pk}/write/")
    other.get_by_label("Subject", exact=True).fill("Theirs")
    other.get_by_role("button", name="Save draft").click()
    expect(other.get_by_text("Saved.", exact=True)).to_be_visible()
    page.get_by_label("Subject", exact=True).fill("Mine")
    told = page.locator("#saved [role=alert]")
    expect(told).to_contain_text("changed elsewhere")
    told.get_by_role("button").click()
    expect(page.locator(".differences")).to_contain_text("Theirs")
    expect(page.get_by_label("Subject", exact=True)).to_have_value("Mine")
    page.get_by_role("button", name="Save mine").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    assert Mailing.objects.get().subject == "Mine"
    # A page that is answered with 409 is told of by browsers.
    visitor.complaints[:] = [one for one in visitor.complaints if "409" not in one]


def test_whoever_is_signed_out_while_writing_loses_nothing(
    visitor: Any, anna: User, mailing: Mailing
) -> None:
    page = visitor(anna)
    page.goto(f"/mailings/{mailing.pk}/write/")
    Session.objects.all().delete()
    page.get_by_label("Subject", exact=True).fill("Mine")
    expect(page.locator("#saved")).to_contain_text("You are not signed in any more")
    name = settings.SESSION_COOKIE_NAME
    value = signed_in(anna).cookies[name].value
    page.context.add_cookies([{"name": name, "value": value, "url": page.url}])
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.locator("#saved")).to_contain_text("Saved at")
    assert Mailing.objects.get().subject == "Mine"


@pytest.mark.parametrize("look", KEY_LOOKS)
def test_the_pages_for_writing_are_for_everybody(
    visitor: Any, anna: User, mailing: Mailing, look: tuple[str, int]
) -> None:
    language, width = look
    User.objects.filter(pk=anna.pk).update(language=language)
    template = make_template(user=anna, name="Spring", subject="One", html=HTML)
    save_version(template, user=anna, subject="Two", html=HTML, text="")
    page = visitor(anna, language=language, width=width)
    page.goto(f"/mailings/{mailing.pk}/write/?check=1")
    page.locator("#plain summary").click()
    found = faults(page)
    page.locator("[data-do=link]").click()
    found += faults(page)
    paths = [f"/mailings/{mailing.pk}/preview/?look=dark&width=narrow"]
    if language == "en":
        paths += [
            "/mailings/templates/",
            f"/mailings/{mailing.pk}/template/",
            f"/mailings/{mailing.pk}/keep/",
            f"/mailings/templates/{template.pk}/",
            f"/mailings/templates/{template.pk}/versions/",
        ]
    for path in paths:
        page.goto(path)
        found += [f"{path} {one}" for one in faults(page)]
    assert found == []


def test_without_scripts_a_mail_is_simple_html(visitor: Any, anna: User, mailing: Mailing) -> None:
    page = visitor(anna, java_script_enabled=False)
    page.goto(f"/mailings/{mailing.pk}/write/")
    page.get_by_role("textbox", name="Text", exact=True).fill("<p>Plainly <b>said</b></p>")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    assert Mailing.objects.get().html == "<p>Plainly <b>said</b></p>"
