"""What rooms above want to know of whoever is signed in, asked in the statement that finds the user.

Every page looks up its user, and a statement of its own for each of these would be one more on every page.
"""

from __future__ import annotations

from typing import Any

# Attribute of the user -> expression over users.
ALONG: dict[str, Any] = {}


def ask_along(**expressions: Any) -> None:
    """Have users that sign in carry the values of these, each as an attribute of its name."""
    ALONG.update(expressions)
