import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory

from crm.accounts.models import User
from crm.actor import ActorMiddleware, acting_as, current_actor


def test_nobody_acts_outside_a_request():
    assert current_actor() is None


def test_blocks_nest_and_give_back_the_actor_before():
    anna, ben = User(username="anna"), User(username="ben")
    with acting_as(anna):
        with acting_as(ben):
            assert current_actor() is ben
        with acting_as(None):
            assert current_actor() is None
        assert current_actor() is anna
    assert current_actor() is None


def test_an_error_in_the_block_gives_back_the_actor_too():
    with pytest.raises(ZeroDivisionError), acting_as(User(username="anna")):
        1 / 0  # noqa: B018
    assert current_actor() is None


@pytest.mark.parametrize(
    ("user", "expected"), [(User(username="anna"), "anna"), (AnonymousUser(), None)]
)
def test_the_signed_in_user_of_a_request_acts(user, expected):
    request = RequestFactory().get("/")
    request.user = user
    seen = []

    def view(request):
        actor = current_actor()
        seen.append(actor.username if actor else None)
        return HttpResponse()

    ActorMiddleware(view)(request)
    assert seen == [expected]
    assert current_actor() is None


def test_the_user_is_not_looked_up_when_nobody_asks():
    class Request:
        @property
        def user(self):
            raise AssertionError("looked up")

    ActorMiddleware(lambda request: HttpResponse())(Request())
