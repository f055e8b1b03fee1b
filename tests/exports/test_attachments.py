"""Names of files in headers, whatever somebody called a list."""

from __future__ import annotations

import pytest
from django.http import HttpResponse

from crm.attachments import as_attachment, disposition


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("contacts-2026-01-31.csv", "contacts-2026-01-31.csv"),
        ("kunden-köln-2026.csv", "kunden-koln-2026.csv"),
        ("клиенты.csv", "export.csv"),
        ('a"; x=1\r\nSet-Cookie: a=b.csv', "a-x1-set-cookie-ab.csv"),
        ("../../etc/passwd.csv", "etcpasswd.csv"),
    ],
)
def test_name_is_plain_for_all_and_whole_for_those_that_know_more(name: str, header: str) -> None:
    found = disposition(name)
    assert found.startswith(f"attachment; filename=\"{header}\"; filename*=UTF-8''")
    assert found.isascii()
    assert "\r" not in found
    assert "\n" not in found
    # Django refuses what could end a header.
    assert HttpResponse(headers={"Content-Disposition": found})


def test_attachment_is_not_sniffed() -> None:
    response = as_attachment(HttpResponse(), "a.csv", "text/csv")
    assert response["Content-Type"] == "text/csv"
    assert response["X-Content-Type-Options"] == "nosniff"
