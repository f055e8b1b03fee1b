"""Which tags and custom fields there are, read at most once a request or a unit of work.

Outside of ``known_once()`` every question is asked anew, so that nobody acts on what was true some time ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING

from settings.categories import Category
from settings.models import Account, CustomField, Tag

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class Catalogue:
    """What there is, as it stood when it was first asked for: two statements for fields, one for tags."""

    @cached_property
    def _fields(self) -> list[CustomField]:
        return list(CustomField.objects.live().prefetch_related("options"))

    @cached_property
    def _tags(self) -> list[Tag]:
        return list(Tag.objects.live())

    @cached_property
    def account(self) -> Account:
        return Account.current()

    @cached_property
    def fields_by_id(self) -> dict[int, CustomField]:
        return {one.pk: one for one in self._fields}

    @cached_property
    def tags_by_id(self) -> dict[int, Tag]:
        return {one.pk: one for one in self._tags}

    def fields(self, *categories: Category) -> list[CustomField]:
        """The custom fields of these categories, in the order of categories and of their pages; ``options`` loaded."""
        return [one for category in categories for one in self._fields if one.category == category]

    def tags(self, *categories: Category) -> list[Tag]:
        return [one for category in categories for one in self._tags if one.category == category]


class _Scope:
    """Holds the catalogue of a unit of work until something in it changes."""

    def __init__(self) -> None:
        self.catalogue: Catalogue | None = None


_scope: ContextVar[_Scope | None] = ContextVar("settings_catalogue", default=None)


def catalogue() -> Catalogue:
    scope = _scope.get()
    if scope is None:
        return Catalogue()
    scope.catalogue = scope.catalogue or Catalogue()
    return scope.catalogue


def forget() -> None:
    """Tags, fields, options or the account were written: what was read of them is old."""
    scope = _scope.get()
    if scope is not None:
        scope.catalogue = None


@contextmanager
def known_once() -> Iterator[None]:
    """Inside the block the catalogue is read once; an inner block shares what the outer one knows."""
    if _scope.get() is not None:
        yield
        return
    token = _scope.set(_Scope())
    try:
        yield
    finally:
        _scope.reset(token)


class CatalogueMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with known_once():
            return self.get_response(request)
