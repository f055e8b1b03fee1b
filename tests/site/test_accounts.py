import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from crm.accounts.middleware import PreferencesMiddleware
from crm.accounts.models import User

PASSWORD = "a long password"


@pytest.fixture
def anna(db):
    return User.objects.create_user("anna", "Anna@example.com", PASSWORD)


@pytest.mark.parametrize("name", ["anna", "anna@example.com", "ANNA@EXAMPLE.COM"])
def test_signs_in_by_username_or_email(anna, name):
    assert authenticate(username=name, password=PASSWORD) == anna


@pytest.mark.parametrize(
    ("name", "password"), [("anna", "wrong"), ("ben", PASSWORD), ("", PASSWORD)]
)
def test_refuses_what_does_not_belong_together(anna, name, password):
    assert authenticate(username=name, password=password) is None


def test_an_inactive_user_cannot_sign_in(anna):
    anna.is_active = False
    anna.save()
    assert authenticate(username="anna@example.com", password=PASSWORD) is None


def test_an_address_of_two_users_signs_in_neither(anna):
    User.objects.create_user("anne", "anna@EXAMPLE.com", PASSWORD)
    assert authenticate(username="anna@example.com", password=PASSWORD) is None


def test_nobody_takes_over_a_sign_in_by_naming_themselves_after_an_address(anna):
    User.objects.create_user("anna@example.com", "", "another password")
    assert authenticate(username="anna@example.com", password=PASSWORD) is None


def test_a_user_is_shown_by_full_name_else_username():
    assert str(User(username="anna")) == "anna"
    assert str(User(username="anna", first_name="Anna", last_name="Berg")) == "Anna Berg"


def test_an_unknown_time_zone_is_refused(db):
    with pytest.raises(ValidationError, match="Mars/Olympus"):
        User(username="anna", password="x", time_zone="Mars/Olympus").full_clean()


def test_pages_follow_the_language_and_time_zone_of_the_user(rf, anna):
    anna.language, anna.time_zone = "de", "Europe/Berlin"
    request = rf.get("/")
    request.user = anna
    seen = []
    with translation.override("en"):
        PreferencesMiddleware(
            lambda request: seen.append(
                (translation.get_language(), timezone.get_current_timezone_name())
            )
        )(request)
    assert seen == [("de", "Europe/Berlin")]
    assert timezone.get_current_timezone_name() == "UTC"


def test_a_chosen_language_is_kept_with_the_account(client, anna):
    client.force_login(anna)
    client.post("/accounts/language/", {"language": "fr", "next": "/"})
    anna.refresh_from_db()
    assert anna.language == "fr"


def test_an_unknown_language_changes_nothing(client, anna):
    client.force_login(anna)
    client.post("/accounts/language/", {"language": "xx", "next": "/"})
    anna.refresh_from_db()
    assert anna.language == ""
