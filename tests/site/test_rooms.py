"""What import-linter cannot say in a few lines: pages of one app do not use another app's pages."""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

pytestmark = pytest.mark.once

APPS = {
    config.name: Path(config.path)
    for config in apps.get_app_configs()
    if Path(config.path).is_relative_to(settings.BASE_DIR / config.name.split(".")[0])
}
PAGES = ("views", "forms", "urls", "tables", "filters", "bulk")


def is_page(module: str) -> bool:
    """Also `card_views` and the like."""
    return any(
        part == page or part.endswith(f"_{page}") for part in module.split(".") for page in PAGES
    )


def page_imports(path: Path) -> set[str]:
    """The modules of pages that a file imports, by their dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return {name for name in found if is_page(name)}


# crm puts the apps together, and its lists and forms are what their pages are made of.
@pytest.mark.parametrize("app", sorted(name for name in APPS if name.split(".")[0] != "crm"))
def test_pages_of_an_app_do_not_use_those_of_another(app):
    others = tuple(f"{name}." for name in APPS if name != app and not name.startswith("crm"))
    wrong = {
        f"{path.relative_to(settings.BASE_DIR)} imports {name}"
        for path in APPS[app].rglob("*.py")
        for name in page_imports(path)
        if name.startswith(others)
    }
    assert wrong == set()
