"""Notes in the audit log who was refused what."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from crm.actor import address_of, current_actor
from crm.audit.cleaning import WITHHELD, visible
from crm.audit.models import Action, Entry
from crm.audit.services import record

logger = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)
# However many pages somebody tries in a minute: whoever floods the log hides in it.
MOST_IN_A_MINUTE = 30
LONGEST_PATH = 200
READING = ("GET", "HEAD", "OPTIONS")
# Parts of an address that let in whoever knows them.
KEYS = ("key", "token", "uidb36", "uidb64", "code")


class DeniedMiddleware:
    """Answers of 403, and of 404 to who asked for a record or wanted to change something.

    Whether the record is there makes no difference: an entry more would take its time, and tell. Only the path is
    kept: what stands behind the question mark may be a search for a person. Needs the actor, so it comes after that.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 403 or (response.status_code == 404 and _is_refusal(request)):
            try:
                _note(request, response.status_code)
            except DatabaseError:
                # The refusal stands; that nobody could write it down must not make it an error.
                logger.exception("A denied request could not be noted.")
        return response


def _is_refusal(request: HttpRequest) -> bool:
    match = request.resolver_match
    asked_for_one = match is not None and "pk" in match.kwargs and current_actor() is not None
    return asked_for_one or request.method not in READING


def _path(request: HttpRequest) -> str:
    path = request.path
    match = request.resolver_match
    given = match.kwargs if match else {}
    # The longest first: a short one may be part of it.
    for value in sorted(
        (str(given[name]) for name in KEYS if name in given), key=len, reverse=True
    ):
        path = path.replace(value, WITHHELD)
    return visible(path)[:LONGEST_PATH]


def _note(request: HttpRequest, status: int) -> None:
    path = _path(request)
    user = current_actor()
    recent = Entry.objects.filter(action=Action.DENIED, at__gt=timezone.now() - MINUTE)
    # Strangers are told apart by where they come from.
    recent = (
        recent.filter(actor_id=user.pk)
        if user
        else recent.filter(actor_id=None, address=address_of(request))
    )
    paths = list(recent.order_by().values_list("details__path", flat=True)[:MOST_IN_A_MINUTE])
    if path in paths or len(paths) >= MOST_IN_A_MINUTE:
        return
    record(Action.DENIED, path=path, method=request.method or "", status=status)
