"""What holds for every page: its frame, how forms look, what is said when something goes wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client

from crm.accounts.levels import Role
from crm.accounts.models import User

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
BY_ID: dict[str, Any] = {"ids": lambda path: str(path.relative_to(settings.BASE_DIR))}


@pytest.fixture
def anna(db):
    return User.objects.create_user("anna", "anna@example.com", "a long password")


class Form(forms.Form):
    name = forms.CharField(help_text="As on the letterhead")
    size = forms.ChoiceField(choices=[("s", "Small")])
    hot = forms.BooleanField(required=False)


@pytest.mark.parametrize("path", TEMPLATES, **BY_ID)
def test_no_template_breaks_the_content_security_policy(path):
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|hx-on", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


@pytest.mark.parametrize("path", TEMPLATES, **BY_ID)
def test_no_comment_is_shown_as_text(path):
    # Django ends {# at the line's end: over two lines it is text.
    assert not re.search(r"{#(?!.*#})", path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, **BY_ID)
def test_every_icon_is_in_the_sprite(path):
    sprite = Path(settings.BASE_DIR, "crm/static/icons.svg").read_text()
    for name in re.findall(r'{% icon "([^"]+)"', path.read_text()):
        assert f'id="{name}"' in sprite


def test_a_refused_field_says_so_to_everybody():
    html = str(Form({"size": "x"})["name"].as_field_group())
    assert 'class="form-control is-invalid"' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert '<label class="form-label required" for="id_name">' in html


def test_each_widget_has_the_class_that_draws_it():
    form = Form()
    assert 'class="form-select"' in str(form["size"])
    assert 'class="form-check-input"' in str(form["hot"])
    assert "is-invalid" not in str(form)


def test_a_refused_form_begins_with_links_to_what_is_wrong():
    html = str(Form({"size": "s"}))
    assert re.search(r'role="alert".*<a href="#id_name">Name</a>', html, re.DOTALL)


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_what_is_not_there_is_answered_in_our_own_words(client, anna, language):
    anna.language = language
    anna.save()
    client.force_login(anna)
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    page = answer.content.decode()
    assert f'lang="{language}"' in page
    assert "Standing" in page
    assert "/nowhere/" not in page


def test_an_outdated_form_is_explained(anna):
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"username": "anna"})
    assert answer.status_code == 403
    assert "too old" in answer.content.decode()


def test_a_failure_is_answered_without_asking_the_database(rf):
    # No database here: pytest refuses every query.
    assert "Something went wrong" in render_to_string("500.html")
    assert "could not be read" in render_to_string("400.html")


def test_the_theme_goes_to_account_and_cookie_and_back_to_the_page(client, anna):
    client.force_login(anna)
    answer = client.post(
        "/accounts/theme/", {"theme": "dark"}, headers={"Referer": "http://testserver/deals/?q=x"}
    )
    assert answer.headers["Location"] == "http://testserver/deals/?q=x"
    anna.refresh_from_db()
    assert anna.theme == "dark"
    assert client.cookies["theme"].value == "dark"
    assert client.cookies["theme"]["httponly"]


@pytest.mark.parametrize("theme", ["", "pink", '"><script>'])
def test_a_theme_there_is_none_of_changes_nothing(client, anna, theme):
    client.force_login(anna)
    client.post("/accounts/theme/", {"theme": theme})
    anna.refresh_from_db()
    assert anna.theme == "auto"
    assert "theme" not in client.cookies


def test_a_theme_is_not_a_way_to_another_site(client, db):
    answer = client.post(
        "/accounts/theme/", {"theme": "dark"}, headers={"Referer": "https://evil.example/"}
    )
    assert answer.headers["Location"] == "/"
    assert client.get("/accounts/theme/").status_code == 405


def test_a_forged_cookie_does_not_reach_the_page(client, anna):
    client.cookies["theme"] = "evil"
    page = client.get("/accounts/login/").content.decode()
    assert "evil" not in page
    assert 'data-theme-choice="auto"' in page


@pytest.mark.parametrize(("role", "shown"), [(Role.ADMINISTRATOR, True), (Role.MEMBER, False)])
def test_only_administrators_see_trash_and_administration(client, anna, role, shown):
    anna.role = role
    anna.save()
    client.force_login(anna)
    page = client.get("/contacts/").content.decode()
    assert ("Administration" in page) is shown
    assert (">Trash<" in page) is shown


def test_the_page_to_sign_in_is_small_and_asks_the_password_manager(client, anna):
    page = client.get("/accounts/login/").content.decode()
    assert len(page) < 20_000
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page


def test_each_language_is_offered_under_its_own_name(client, anna):
    page = client.get("/accounts/login/", headers={"Accept-Language": "de"}).content.decode()
    assert [n for n in ("English", "Deutsch", "Français") if f">{n}</button>" in page] == [
        "English",
        "Deutsch",
        "Français",
    ]
