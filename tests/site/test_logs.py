"""Lines of the log: one for each event, whatever its text."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from django.conf import settings

from crm.logs import JsonFormatter


def line(message: str, *args: object, **more: object) -> str:
    record = logging.LogRecord("crm", logging.WARNING, "file.py", 1, message, args, None)
    record.__dict__.update(more)
    return JsonFormatter().format(record)


def test_each_line_is_json_with_time_level_and_request() -> None:
    found = json.loads(line("%s was refused", "anna", request_id="abcdefghijkl"))
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "WARNING",
        "logger": "crm",
        "request": "abcdefghijkl",
        "message": "anna was refused",
    }


def test_no_text_makes_a_line_of_its_own() -> None:
    for hostile in ('\n{"level": "INFO"}', "\r\n", "\u2028\x1b[2J\x00", '"}'):
        found = line("typed: %s", hostile)
        assert "\n" not in found
        assert "\x1b" not in found
        assert json.loads(found)["message"] == f"typed: {hostile}"


def test_an_exception_stays_within_its_line() -> None:
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        found = line("failed", exc_info=sys.exc_info())
    assert "\n" not in found
    assert "ValueError: one\ntwo" in json.loads(found)["exception"]


def test_logs_go_to_standard_error_alone() -> None:
    logging_as_set: Any = settings.LOGGING
    handlers = logging_as_set["handlers"]
    assert {one["class"] for one in handlers.values()} == {"logging.StreamHandler"}
    assert not any("stream" in one for one in handlers.values())
    named = [logging_as_set["root"], *logging_as_set["loggers"].values()]
    assert {name for one in named for name in one["handlers"]} <= handlers.keys()
