"""What of a text goes into the audit log: nothing that forges a line of it, and nothing that opens a door."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

WITHHELD = "…"
# Names under which something secret could be handed over by mistake.
_SECRET = re.compile(
    "passw|passphrase|secret|token|otp|credential|cookie|authorization|api_?key|private_?key|digest",
    re.IGNORECASE,
)
# Turn the reading direction around, or break a line where there is none.
_MISLEADING = frozenset(
    "\u2028\u2029\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def visible(text: str) -> str:
    """``text`` with control characters, marks of direction and halves of characters written out, as in “\\x0a”."""
    return "".join(_written(char) for char in text)


def _written(char: str) -> str:
    if unicodedata.category(char) in ("Cc", "Cs") or char in _MISLEADING:
        code = ord(char)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return char


def cleaned(value: Any, name: str = "") -> Any:
    """``value`` for JSON with its texts visible, and what a secret is called by withheld."""
    if name and _SECRET.search(name) and not isinstance(value, bool) and value not in (None, ""):
        return WITHHELD
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(str(key)): cleaned(one, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(one) for one in value]
    return value
