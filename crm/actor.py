"""Who acts now.

History is written deep in the services, far from any request. They ask here. Nobody acting (a command, the worker)
is a valid answer: such changes are written as the system's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from crm.accounts.models import User

_find_actor: ContextVar[Callable[[], User | None] | None] = ContextVar("find_actor", default=None)


def current_actor() -> User | None:
    """The signed-in user this code runs for, or None for the system."""
    find = _find_actor.get()
    return find() if find else None


@contextmanager
def acting_as(user: User | None) -> Iterator[None]:
    """Everything inside the block is done by `user`; None means the system, also inside a request."""
    token = _find_actor.set(lambda: user)
    try:
        yield
    finally:
        _find_actor.reset(token)


class ActorMiddleware:
    """Makes the request's user the actor.

    The user is looked up only when somebody asks: most requests read, and reading `request.user` costs a query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def signed_in_user() -> User | None:
            user = request.user
            return user if user.is_authenticated else None

        token = _find_actor.set(signed_in_user)
        try:
            return self.get_response(request)
        finally:
            _find_actor.reset(token)
