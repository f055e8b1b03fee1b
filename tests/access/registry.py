"""Every address of the product, read from its URL resolver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from django.urls.exceptions import NoReverseMatch

# Methods that are tried on every address; HEAD and OPTIONS follow GET.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Addresses that packages bring along, each entered as one group.
GROUPS = ("admin:",)


@dataclass(frozen=True)
class Route:
    """One pattern of the resolver: its name with namespaces, and which arguments it takes."""

    name: str
    pattern: str
    arguments: frozenset[str]
    view: Any

    @property
    def key(self) -> str:
        """What it stands under in the matrix: two patterns may share a name and differ in their arguments."""
        given = ",".join(sorted(self.arguments))
        return f"{self.name}({given})" if given else self.name

    @property
    def group(self) -> str:
        return next((one for one in GROUPS if self.name.startswith(one)), "")


def routes() -> list[Route]:
    return list(_walk(get_resolver(), "", "", frozenset()))


def _walk(
    resolver: URLResolver, namespace: str, before: str, taken: frozenset[str]
) -> Iterator[Route]:
    for one in resolver.url_patterns:
        pattern = before + str(one.pattern)
        arguments = taken | one.pattern.regex.groupindex.keys()
        if isinstance(one, URLPattern):
            name = f"{namespace}{one.name}" if one.name else f"{namespace}{pattern}"
            yield Route(name, pattern, frozenset(arguments), one.callback)
        else:
            within = f"{namespace}{one.namespace}:" if one.namespace else namespace
            yield from _walk(one, within, pattern, frozenset(arguments))


def address(name: str, arguments: dict[str, Any]) -> str:
    """Raises ``LookupError`` where the name with these arguments leads to another route."""
    try:
        found = reverse(name, kwargs=arguments)
    except NoReverseMatch as error:
        raise LookupError(f"{name} does not take {sorted(arguments)}") from error
    if resolve(found).view_name != name:
        raise LookupError(f"{found} is answered by {resolve(found).view_name}, not by {name}")
    return found
