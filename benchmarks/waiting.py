"""Another writer on a SQLite database: how long it waits at most until its input is closed.

python -m benchmarks.waiting PATH
"""

from __future__ import annotations

import sqlite3
import sys
import threading
import time


def main(path: str) -> None:
    driver = sqlite3.connect(path, isolation_level=None, timeout=20)
    over = threading.Event()

    def until_closed() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=until_closed, daemon=True).start()
    longest, times = 0.0, 0
    while not over.is_set():
        began = time.monotonic()
        driver.execute("UPDATE accounts_user SET first_name = first_name WHERE id = 1")
        longest, times = max(longest, time.monotonic() - began), times + 1
        time.sleep(0.005)
    print(longest, times)


if __name__ == "__main__":
    main(sys.argv[1])
