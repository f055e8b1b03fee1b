"""Parent companies, which may stand below their subsidiaries in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext as _

from contacts.models import Contact
from imports import bulk
from imports.cells import BadCell
from imports.fields import Entity
from imports.loading import Loading
from imports.mapping import Section
from imports.models import ImportedRecord
from imports.reading import CsvFile, Row

Kind = ImportedRecord.Kind


class Parent(NamedTuple):
    """A parent company to find once all companies are there."""

    key: str
    text: str
    section: Section
    column: str
    file: CsvFile
    row: Row


def find_parents(loading: Loading, parents: list[Parent]) -> None:
    """Set the parent companies, now that every company is there.

    One that cannot be found, or would make two companies each other's parent, is left out and
    reported; the next load of that row tries again.
    """
    if not parents:
        return
    above = dict(
        Contact.objects.companies()
        .filter(parent_company__isnull=False)
        .order_by()
        .values_list("pk", "parent_company")
    )
    found, retry = [], []
    for parent in parents:
        pk = loading.directory.ids[Kind.COMPANY][parent.key]
        mapped = parent.section.fields["parent_company"]
        try:
            company = loading.directory.contact(mapped, mapped.words.get(parent.text, parent.text))
            if _is_above(above, pk, company.id):
                raise BadCell(_("two companies cannot each be the other's parent"))
        except BadCell as error:
            loading.counts(Entity.COMPANIES).incomplete += 1
            reason = _("loaded without its parent company: %(reason)s") % {"reason": error}
            loading.reject(parent.file, parent.row, parent.column, reason)
            retry.append(("", parent.key))
            continue
        above[pk] = company.id
        found.append((company.id, pk))
    bulk.run_many("UPDATE contacts_contact SET parent_company_id = %s WHERE id = %s", found)
    loading.remember_digests(Kind.COMPANY, retry)


def _is_above(above: Mapping[int, int | None], pk: int, company: int | None) -> bool:
    """Whether ``pk`` is ``company`` or above it."""
    passed = set()
    while company is not None and company not in passed:
        if company == pk:
            return True
        passed.add(company)
        company = above.get(company)
    return False
