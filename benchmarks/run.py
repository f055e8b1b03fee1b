"""All benchmarks on the database that DATABASE_URL names, one line each; see ``__main__``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
django.setup()

from benchmarks.sizes import sizes  # noqa: E402
from benchmarks.stores import Store  # noqa: E402
from benchmarks.works import WORKS, work  # noqa: E402


def main(results: str, full: str, only: str) -> None:
    store = Store()
    print(f"\n{store.describe()}", flush=True)
    lines = []
    for name in WORKS:
        if only and only != name:
            continue
        began = time.monotonic()
        for result in work(name)(store, sizes(store.vendor, full=full == "full")):
            print(result, flush=True)
            lines.append(result.as_data())
            # At once, so that what is known outlives what fails later.
            found = {"database": store.describe(), "results": lines}
            Path(results).write_text(json.dumps(found))
        print(f"      ({name}: {time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
