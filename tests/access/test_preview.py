"""“Preview as this user”: an administrator sees what somebody sees, and can do nothing there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse
from django.utils import timezone

from contacts.models import Contact
from crm import urls as product
from crm.accounts.models import User
from crm.accounts.people import change_user, deactivate
from crm.accounts.sessions import SEEN
from crm.audit.models import Action, Entry
from settings.models import Account
from tests.access.worlds import administrator, member, reloaded, with_set
from tests.deals import factories as make

pytestmark = pytest.mark.django_db
BAR = "Nothing can be changed here."
REFUSED = "Nothing can be changed in a preview"


@pytest.fixture
def root() -> User:
    administrator("other")
    return administrator()


@pytest.fixture
def seller() -> User:
    return with_set("seller", "own")


@pytest.fixture
def web(root: User, seller: User) -> Client:
    """A browser in which the administrator sees everything as the seller does."""
    client = Client()
    client.force_login(root)
    assert client.post(f"/settings/users/{seller.pk}/preview/").status_code == 302
    return client


def test_a_preview_shows_what_the_user_sees_under_a_bar(web: Client, seller: User) -> None:
    mine, hidden = make.company("Mine Ltd", owner=seller), make.company("Hidden Ltd")
    page = web.get("/contacts/").content.decode()
    assert "You see Standing as Seller does." in page
    assert BAR in page
    assert "Mine Ltd" in page
    assert "Hidden Ltd" not in page
    assert web.get(mine.get_absolute_url()).status_code == 200
    assert web.get(hidden.get_absolute_url()).status_code == 404
    assert web.get("/settings/users/").status_code == 403
    assert BAR in web.get("/nowhere/at/all/").content.decode()


def test_every_method_that_changes_is_refused_in_a_sentence(web: Client, seller: User) -> None:
    mine = make.company("Mine Ltd", owner=seller)
    before = list(Contact.objects.values())
    edit = f"{mine.get_absolute_url()}edit/"
    for method in ("post", "put", "patch", "delete", "options"):
        answer = getattr(web, method)(edit)
        assert answer.status_code == 403, method
        assert REFUSED in answer.content.decode()
    for address in (
        "/contacts/new/person/",
        "/preferences/",
        reverse("set_language"),
        reverse("set_theme"),
        reverse("account_logout"),
    ):
        answer = web.post(address, {"last_name": "X", "language": "de", "theme": "dark"})
        assert (answer.status_code, REFUSED in answer.content.decode()) == (403, True), address
    assert list(Contact.objects.values()) == before
    assert (reloaded(seller).language, reloaded(seller).theme) == ("en", "auto")
    for header in ("X-HTTP-Method-Override", "X-Requested-With", "HX-Request"):
        assert web.post(edit, {"name": "X"}, headers={header: "GET"}).status_code == 403


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/security/",
        "/accounts/password/",
        "/accounts/confirm/",
        "/preferences/",
        "admin:index",
    ],
)
def test_what_is_the_users_own_stays_closed(web: Client, address: str) -> None:
    answer = web.get(reverse(address) if ":" in address else address)
    assert answer.status_code == 403
    assert REFUSED in answer.content.decode()


def test_menus_offer_nothing_that_is_closed(web: Client) -> None:
    page = web.get("/contacts/").content.decode()
    for address in ("/preferences/", "/accounts/security/", reverse("account_logout")):
        assert address not in page
    # What scripts say of a step that was refused.
    assert f'data-failed="{REFUSED}"' in page


def test_a_button_ends_it(web: Client, root: User, seller: User) -> None:
    answer = web.post("/settings/users/preview/stop/")
    assert answer["Location"] == f"/settings/users/{seller.pk}/"
    page = web.get("/settings/users/")
    assert page.context["user"] == root
    assert BAR not in page.content.decode()
    # And again it does nothing.
    assert web.post("/settings/users/preview/stop/")["Location"] == "/"


def test_the_log_says_who_previewed_whom_and_what_was_refused(
    web: Client, root: User, seller: User
) -> None:
    started = Entry.objects.get(action=Action.PREVIEWED)
    assert (started.actor_id, started.record_id) == (root.pk, seller.pk)
    web.post("/contacts/new/person/", {"last_name": "X"})
    denied = Entry.objects.get(action=Action.DENIED)
    assert (denied.actor_id, denied.details["path"]) == (root.pk, "/contacts/new/person/")


def test_a_preview_begins_no_other(web: Client, seller: User) -> None:
    third = member("third")
    assert web.post(f"/settings/users/{third.pk}/preview/").status_code == 403
    assert web.get("/contacts/").context["user"] == seller
    assert Entry.objects.filter(action=Action.PREVIEWED).count() == 1


def test_only_administrators_preview_and_only_members_who_are_let_in(root: User) -> None:
    gone, boss = member("gone"), member("boss")
    deactivate(gone)
    client = Client()
    client.force_login(root)
    for user in (gone, root, User.objects.get(username="other")):
        client.post(f"/settings/users/{user.pk}/preview/")
        assert client.get("/contacts/").context["user"] == root
    client.force_login(boss)
    assert client.post(f"/settings/users/{member('ann').pk}/preview/").status_code == 403
    assert not Entry.objects.filter(action=Action.PREVIEWED).exists()


@pytest.mark.parametrize(
    "ending", ["demoted", "deactivated", "user deactivated", "user made administrator"]
)
def test_it_ends_with_what_it_rests_on(web: Client, root: User, seller: User, ending: str) -> None:
    if ending == "demoted":
        change_user(root, role="member")
    elif ending == "deactivated":
        deactivate(root)
    elif ending == "user deactivated":
        deactivate(seller)
    else:
        change_user(seller, role="administrator")
    # What was sent is done with nobody's rights.
    answer = web.post("/contacts/new/person/", {"last_name": "X"})
    assert answer.status_code == 302
    assert not Contact.objects.exists()
    page = web.get("/contacts/")
    if ending == "deactivated":
        assert page.status_code == 302
    else:
        assert page.context["user"] == root
        assert BAR not in page.content.decode()


def test_a_preview_does_not_outlast_the_session(web: Client) -> None:
    session = web.session
    session[SEEN] = int((timezone.now() - timedelta(days=3)).timestamp())
    session.save()
    assert web.get("/contacts/")["Location"].startswith("/accounts/login/")


def test_whose_role_needs_a_second_factor_can_be_previewed(web: Client) -> None:
    Account.objects.update_or_create(pk=1, defaults={"factor_of_members": True})
    assert web.get("/contacts/").status_code == 200


def a_file(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"all of it", headers={"Content-Disposition": 'attachment; filename="x"'})


urlpatterns = [*product.urlpatterns, path("a-file/", a_file)]


@pytest.mark.urls("tests.access.test_preview")
def test_files_are_not_handed_out(web: Client) -> None:
    answer = web.get("/a-file/")
    assert (answer.status_code, b"all of it" in answer.content) == (403, False)
    web.post("/settings/users/preview/stop/")
    assert web.get("/a-file/").content == b"all of it"
