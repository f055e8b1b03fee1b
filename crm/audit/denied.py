"""Notes in the audit log who was refused what."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from crm.actor import address_of, current_actor
from crm.audit.models import Action, Entry
from crm.audit.services import record

logger = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)
# However many pages somebody tries in a minute: whoever floods the log hides in it.
MOST_IN_A_MINUTE = 30
LONGEST_PATH = 200
READING = ("GET", "HEAD", "OPTIONS")


class DeniedMiddleware:
    """Answers of 403, and of 404 to who wanted to change something. Needs the actor, so it comes after that.

    Only the path is kept: what stands behind the question mark may be a search for a person.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        refused = response.status_code == 404 and request.method not in READING
        if response.status_code == 403 or refused:
            try:
                _note(request, response.status_code)
            except DatabaseError:
                # The refusal stands; that nobody could write it down must not make it an error.
                logger.exception("A denied request could not be noted.")
        return response


def _note(request: HttpRequest, status: int) -> None:
    path = request.path[:LONGEST_PATH]
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
