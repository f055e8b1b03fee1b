r"""Several names in one cell of a file: parted by “; ”, whatever the names hold.

A semicolon in a name is written ``\;`` and a backslash ``\\``. Read leniently, since people write such cells too: a
backslash before anything else is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_MEANING = re.compile(r"[;\\]")
# A name with what is written for its own semicolons and backslashes; then a semicolon or the end.
_PART = re.compile(r"((?:\\[;\\]|[^;])*)(?:;|\Z)")
_WRITTEN = re.compile(r"\\([;\\])")


def joined(names: Iterable[str]) -> str:
    return "; ".join(_MEANING.sub(r"\\\g<0>", name) for name in names)


def parted(text: str) -> list[str]:
    """What ``joined`` was given, blanks around the names left out; empty ones stay."""
    found: list[str] = []
    for one in _PART.finditer(text):
        found.append(_WRITTEN.sub(r"\1", one.group(1)).strip())
        if one.end() == one.end(1):
            # Nothing parts it from another: the last one.
            break
    return found if text.strip() else []
