from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.cache import never_cache

from crm.models import Heartbeat, NightlyRun

# A worker beats every ten seconds; it may miss some while a long transaction holds SQLite.
WORKER_SILENT_AFTER = timedelta(minutes=2)


@login_not_required
def favicon(request: HttpRequest) -> HttpResponse:
    """The product's mark, for browsers that ask at the old address (pages without a link to it do)."""
    return redirect(static("mark.svg"))


@login_not_required
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when the web process answers at all; asks nothing else, so that a slow database does not get it killed."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when it can do its work, 503 when not, with each part by name.

    What the status check found is told, but does not make it unready: pages with a wrong status still serve.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return JsonResponse({"ready": False, "database": "unreachable"}, status=503)
    if missing:
        return JsonResponse(
            {"ready": False, "database": "ok", "migrations_missing": missing}, status=503
        )
    worker = _worker()
    answer = {
        "ready": worker["alive"],
        "database": "ok",
        "migrations_missing": 0,
        "worker": worker,
        "check_statuses": _last_status_check(),
    }
    return JsonResponse(answer, status=200 if worker["alive"] else 503)


def _worker() -> dict[str, Any]:
    beat = Heartbeat.objects.order_by("-beat_at").values_list("beat_at", flat=True).first()
    return {
        "alive": beat is not None and timezone.now() - beat < WORKER_SILENT_AFTER,
        "last_beat": beat,
    }


def _last_status_check() -> dict[str, Any] | None:
    run = (
        NightlyRun.objects.filter(job="check_statuses", finished_at__isnull=False)
        .order_by("-finished_at")
        .first()
    )
    return {"finished_at": run.finished_at, "ok": run.ok, "found": run.found} if run else None
