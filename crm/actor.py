"""Who acts now.

History is written deep in the services, far from any request. They ask here. Nobody acting (a command, the worker)
is a valid answer: such changes are written as the system's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from django.conf import settings

from crm.logs import request_id

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from crm.accounts.models import User


@dataclass(frozen=True)
class Trace:
    """Where a change comes from, as the audit log keeps it.

    ``source`` is "web", "admin", "worker", "import" or "command"; ``request_id`` and ``address`` are empty outside a
    request.
    """

    source: str = "command"
    request_id: str = ""
    address: str = ""


_NOWHERE = Trace()
_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace:
    """Where what is done now comes from."""
    return _trace.get() or _NOWHERE


@contextmanager
def coming_from(trace: Trace) -> Iterator[None]:
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


@contextmanager
def said_to_come_from(source: str) -> Iterator[None]:
    """Inside the block the source is another; request and address stay what they are."""
    with coming_from(replace(current_trace(), source=source)):
        yield


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


def address_of(request: HttpRequest) -> str:
    """The address that a request comes from; behind a proxy of ours, the one that this proxy saw.

    The proxy adds to what it was sent, so that only the last entry is its own.
    """
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        if forwarded and _is_address(forwarded):
            return forwarded
    return str(request.META.get("REMOTE_ADDR", ""))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class ActorMiddleware:
    """Makes the request's user the actor.

    The user is looked up only when somebody asks: most requests read, and reading `request.user` costs a query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def signed_in_user() -> User | None:
            # Who previews the product as somebody else does stays whoever acts.
            user: Any = getattr(request, "previewer", None) or request.user
            return user if user.is_authenticated else None

        token = _find_actor.set(signed_in_user)
        try:
            return self.get_response(request)
        finally:
            _find_actor.reset(token)


class TraceMiddleware:
    """Says of whatever a request does that it comes from there. Must come after the request has its id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        back_office = request.path_info.startswith(f"/{settings.ADMIN_PATH}")
        source = "admin" if back_office else "web"
        with coming_from(Trace(source, request_id.get(), address_of(request))):
            return self.get_response(request)
