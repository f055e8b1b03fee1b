"""How categories are written in addresses."""

from __future__ import annotations

from settings.categories import Category

SLUGS = {
    Category.CONTACTS: "contacts",
    Category.CUSTOMERS: "prospects-customers",
    Category.DEALS: "deals",
}


class CategoryConverter:
    """``<category:category>`` in a path; reversed with a `Category` or its value."""

    regex = "|".join(SLUGS.values())

    def to_python(self, value: str) -> Category:
        return next(category for category, slug in SLUGS.items() if slug == value)

    def to_url(self, value: str) -> str:
        return SLUGS[Category(value)]


class KindConverter:
    """``<kind:kind>`` in a path: “tag” or “field”, as ``Removal.Kind`` has it."""

    regex = "tags|fields"

    def to_python(self, value: str) -> str:
        return value.removesuffix("s")

    def to_url(self, value: str) -> str:
        return f"{value}s"
