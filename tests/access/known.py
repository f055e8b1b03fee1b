"""What is known to be wrong and is being mended. A mended one must be struck: the tests fail on it."""

from __future__ import annotations

# Whether what is struck off late, and addresses that are new, fail nobody: only while several rooms are mended at once.
MENDING = False

# Entries of the matrix, as they are named there, and what is wrong with them.
DENIALS: dict[str, str] = {}

# Crawls of ``test_canaries``: what is read and by whom.
SONGS: dict[str, str] = {}
