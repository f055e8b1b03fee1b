"""Files that people save."""

from __future__ import annotations

from urllib.parse import quote

from django.http.response import HttpResponseBase
from django.utils.text import slugify


def as_attachment[Response: HttpResponseBase](
    response: Response, file_name: str, content_type: str = ""
) -> Response:
    """``response`` as a file to be saved, which no browser shows or takes for something else."""
    if content_type:
        response["Content-Type"] = content_type
    response["Content-Disposition"] = disposition(file_name)
    response["X-Content-Type-Options"] = "nosniff"
    return response


def disposition(file_name: str) -> str:
    """The name in letters that every program knows, and as it is for those that know more."""
    stem, dot, ending = file_name.rpartition(".")
    plain = f"{slugify(stem) or 'export'}{dot}{slugify(ending)}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
