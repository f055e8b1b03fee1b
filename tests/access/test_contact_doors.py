"""What one may not see is not there; what one may see and not change is refused, and stays as it was."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from contacts.models import Contact
from crm.accounts.doors import editable_or_refuse, may_edit, visible_or_404
from crm.accounts.levels import Level
from tests.access.worlds import member, with_set
from tests.deals import factories as make

pytestmark = pytest.mark.django_db


def test_the_door_gives_what_one_may_change():
    ann = with_set("ann", "own")
    own = make.company("Own", owner=ann)
    assert editable_or_refuse(Contact, ann, own.pk) == own
    assert visible_or_404(Contact, ann, own.pk) == own
    assert may_edit(own, ann)


def test_what_one_does_not_see_is_not_there():
    ann = with_set("ann", "own")
    hidden = make.company("Hidden")
    for door in (editable_or_refuse, visible_or_404):
        with pytest.raises(Http404):
            door(Contact, ann, hidden.pk)
    assert not may_edit(hidden, ann)


def test_what_one_sees_and_may_not_change_is_refused():
    reader = member("reader", contacts=(Level.ALL, Level.OWN), customers=(Level.ALL, Level.OWN))
    seen = make.company("Seen")
    assert visible_or_404(Contact.objects.for_card(), reader, seen.pk) == seen
    with pytest.raises(PermissionDenied):
        editable_or_refuse(Contact.objects.for_card(), reader, seen.pk)
    assert not may_edit(seen, reader)
