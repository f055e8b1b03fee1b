"""Deals to choose from, for search boxes."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from contacts.fields import OPTIONS_AT_MOST
from contacts.hidden import hidden_of
from deals.models import Deal


@require_GET
def options(request: HttpRequest) -> JsonResponse:
    """Up to 20 deals that match ``q`` and that the user may change, newest first."""
    query = request.GET.get("q", "")[:200]
    deals = Deal.objects.editable_by(request.user).matching(query)
    stars = deals.select_related("primary_contact").only("name", "primary_contact__name")
    found = list(stars[:OPTIONS_AT_MOST])
    hidden = hidden_of((deal.primary_contact_id for deal in found), request.user)
    results = [
        {
            "id": deal.pk,
            "name": deal.name,
            "detail": "" if deal.primary_contact_id in hidden else deal.primary_contact.name,
        }
        for deal in found
    ]
    return JsonResponse({"results": results})
