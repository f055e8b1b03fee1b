"""``manage.py load FOLDER --map MAPPING.toml``: see ``docs/load.md``."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from tqdm import tqdm

from contacts.statuses import CustomerStatus, ProspectStatus
from crm.retry import retrying
from imports.parsing import read_mapping
from imports.report import Report, write_rejects
from imports.services import load

SHIPPED = Path(__file__).parents[2] / "mappings"
SHOWN_AT_MOST = 20


class Command(BaseCommand):
    help = "Load companies, people, deals and who is on them from CSV files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        shipped = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.toml")))
        parser.add_argument("folder", type=Path, help="where the files are")
        parser.add_argument(
            "--map",
            required=True,
            help=f"the mapping, a TOML file; or one that comes with the product: {shipped}",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would come of it, write nothing"
        )
        parser.add_argument("--user", help="who loads, by user name; named in the history")
        parser.add_argument(
            "--rejects",
            type=Path,
            default=Path("rejects.csv"),
            help="where rejected rows are written (default: rejects.csv)",
        )
        parser.add_argument(
            "--mended",
            type=Path,
            help="a file of rejected rows, put right, to be loaded instead of the files",
        )
        parser.add_argument("--encoding", default="", help="of files that do not say it")
        parser.add_argument(
            "--delimiter", default="", help="of files of which it is not certain; \\t is a tab"
        )

    def handle(self, **options: Any) -> None:
        progress = None if options["verbosity"] == 0 else _Progress()
        try:
            mapping = read_mapping(
                _mapping_path(options["map"]),
                encoding=options["encoding"],
                delimiter=options["delimiter"].replace("\\t", "\t"),
            )
            report = retrying(load)(
                options["folder"],
                mapping,
                user=_user(options["user"]),
                dry_run=options["dry_run"],
                mended=options["mended"],
                progress=progress,
                announce=lambda report: self.announce(report, options["rejects"]),
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        finally:
            if progress:
                progress.close()
        if report.dry_run:
            self.stdout.write(_("Nothing was written: this was a dry run."))
        else:
            self.stdout.write(self.style.SUCCESS(_("Loaded.")))

    def announce(self, report: Report, rejects: Path) -> None:
        """Say what is about to be committed. A rejects file that cannot be written stops it."""
        self.stdout.write("")
        self._write_counts(report)
        self._write_statuses(report)
        self._write_remarks(report)
        if report.rejects:
            try:
                write_rejects(rejects, report.rejects)
            except OSError as error:
                raise CommandError(
                    _("%(file)s cannot be written: %(error)s. Nothing was loaded; say where with "
                      "--rejects.") % {"file": rejects, "error": error.strerror}
                ) from error  # fmt: skip
            self._write_rejects(report, rejects)

    def _write_counts(self, report: Report) -> None:
        columns = (
            ("read", _("read")),
            ("created", _("created")),
            ("updated", _("updated")),
            ("unchanged", _("unchanged")),
            ("deleted", _("deleted since")),
            ("incomplete", _("incomplete")),
            ("rejected", _("rejected")),
        )
        names = {
            "companies": _("Companies"),
            "people": _("People"),
            "deals": _("Deals"),
            "deal_contacts": _("On deals"),
        }
        rows = [
            [names[entity], *(str(getattr(counts, name)) for name, _label in columns)]
            for entity, counts in report.counts.items()
            if counts.read
        ]
        self._table(["", *(label for _name, label in columns)], rows)

    def _write_statuses(self, report: Report) -> None:
        self.stdout.write(_("Statuses of all contacts:"))
        rows = [
            [
                _("Companies") if is_company else _("People"),
                f"{ProspectStatus(prospect).label}",
                f"{CustomerStatus(customer).label}",
                f"{prospect}/{customer}",
                str(before),
                str(after),
            ]
            for is_company, prospect, customer, before, after in report.status_table()
        ]
        header = ["", _("Prospect Status"), _("Customer Status"), "", _("before"), _("after")]
        self._table(header, rows, texts=4)

    def _write_remarks(self, report: Report) -> None:
        for note, count in report.notes.most_common():
            self.stdout.write(f"{count}: {note}")
        if report.unmatched_owners:
            named = ", ".join(
                f"{name} ({count})" for name, count in report.unmatched_owners.most_common(5)
            )
            self.stdout.write(
                ngettext(
                    "%(count)d cell names an owner who is no user here, and was left empty: "
                    "%(named)s%(more)s",
                    "%(count)d cells name owners who are no users here, and were left empty: "
                    "%(named)s%(more)s",
                    report.unmatched_owners.total(),
                )
                % {
                    "count": report.unmatched_owners.total(),
                    "named": named,
                    "more": " …" if len(report.unmatched_owners) > 5 else "",
                }
            )

    def _write_rejects(self, report: Report, rejects: Path) -> None:
        reasons = report.reasons()
        self.stdout.write(_("Not taken:"))
        for file, column, reason, count in reasons[:SHOWN_AT_MOST]:
            place = f"{file}, {column}" if column else file
            self.stdout.write(f"  {count} × {place}: {reason}")
        if len(reasons) > SHOWN_AT_MOST:
            left = len(reasons) - SHOWN_AT_MOST
            more = ngettext("and %(count)d more reason", "and %(count)d more reasons", left)
            more %= {"count": left}
            self.stdout.write(f"  {more}")
        self.stdout.write(_("Every such row is in %(file)s.") % {"file": rejects})

    def _table(self, header: list[str], rows: list[list[str]], *, texts: int = 1) -> None:
        """Columns side by side; the first ``texts`` flush left, the others, numbers, right."""
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        for row in (header, *rows):
            cells = [
                cell.ljust(width) if position < texts else cell.rjust(width)
                for position, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.stdout.write("  ".join(cells).rstrip())
        self.stdout.write("")


class _Progress:
    """A bar for each file, in bytes; on a terminal only."""

    def __init__(self) -> None:
        self.file = ""
        self.bar: Any = None

    def __call__(self, file: str, read: int, size: int) -> None:
        if file != self.file:
            self.close()
            self.file = file
            # disable=None: silent where nobody watches.
            self.bar = tqdm(
                desc=file, total=size, unit="B", unit_scale=True, disable=None, leave=False
            )
        self.bar.update(read - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _mapping_path(name: str) -> Path:
    """A file, or by its bare name a mapping that comes with the product."""
    path = Path(name)
    if not path.exists() and not path.suffix and (SHIPPED / f"{name}.toml").exists():
        return SHIPPED / f"{name}.toml"
    return path


def _user(username: str | None) -> Any:
    if not username:
        return None
    user = get_user_model().objects.filter(username=username).first()
    if user is None:
        raise CommandError(_("There is no user “%(name)s”.") % {"name": username})
    if not user.is_active:
        raise CommandError(
            _("“%(name)s” is deactivated: name somebody who may sign in.") % {"name": username}
        )
    return user
