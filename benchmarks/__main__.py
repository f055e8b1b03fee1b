"""``python -m benchmarks``: measure the product against the raw database, on both databases."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Result
from benchmarks.works import WORKS

HERE = Path(__file__).resolve().parent
REPORT = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"


def main() -> int:
    options = _options()
    runs = []
    with tempfile.TemporaryDirectory(prefix="standing-benchmarks-") as folder:
        for vendor in ("sqlite", "postgresql"):
            if vendor in (options.databases or (vendor,)):
                runs.append(_run(vendor, Path(folder), options))
    print(f"\n{_machine()}")
    lines = [Result(**line) for run in runs for line in run["results"]]
    for line in lines:
        print(line)
    if options.save:
        _save(runs)
    failed = [line for line in lines if not line.passed]
    print(f"\n{len(lines) - len(failed)} of {len(lines)} within their limits.")
    return 1 if failed or any(run["crashed"] for run in runs) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="the sizes the limits are set for")
    size.add_argument("--quick", action="store_true", help="a tenth of them (the default)")
    parser.add_argument("--only", choices=WORKS, help="one kind of work")
    parser.add_argument(
        "--sqlite", dest="databases", action="append_const", const="sqlite", help="SQLite only"
    )
    parser.add_argument(
        "--postgresql", dest="databases", action="append_const", const="postgresql",
        help="PostgreSQL only",
    )  # fmt: skip
    parser.add_argument(
        "--save", action="store_true", help="keep the results in docs/performance.md"
    )
    return parser.parse_args()


def _run(vendor: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One database's benchmarks in a process of their own; what they found."""
    results = folder / f"{vendor}.json"
    command = [
        sys.executable, "-m", "benchmarks.run", str(results),
        "full" if options.full else "quick", options.only or "",
    ]  # fmt: skip
    environment = dict(os.environ)
    if vendor == "postgresql":
        command = [sys.executable, str(HERE.parent / "bin" / "with-postgres"), *command]
    else:
        environment["DATABASE_URL"] = f"sqlite:///{folder / 'standing.sqlite3'}"
    done = subprocess.run(command, cwd=HERE.parent, env=environment, check=False)
    found: dict[str, Any] = {"database": vendor, "results": []}
    if results.exists():
        found = json.loads(results.read_text())
    return found | {"crashed": done.returncode != 0}


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB of memory, {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"load {os.getloadavg()[2]:.1f} during the last 15 minutes"
    )


def _save(runs: list[dict[str, Any]]) -> None:
    """Replace the results in the report."""
    text = [f"Measured on {datetime.now(UTC):%d %B %Y}: {_machine()}.\n"]
    for run in runs:
        text.append(f"\n**{run['database']}**\n\n")
        text.append("| work | size | product | limit | ratio | at most |\n")
        text.append("| --- | --- | ---: | ---: | ---: | ---: |\n")
        for line in (Result(**line) for line in run["results"]):
            ratio = f"{line.ratio:.2f}" if line.passed else f"**{line.ratio:.2f}**"
            text.append(
                f"| {line.work} | {line.size} | {line.shown(line.product)} | "
                f"{line.shown(line.limit)} | {ratio} | {line.at_most:g} |\n"
            )
    before, _begin, rest = REPORT.read_text().partition(BEGIN)
    _old, _end, after = rest.partition(END)
    REPORT.write_text(f"{before}{BEGIN}\n{''.join(text)}\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
