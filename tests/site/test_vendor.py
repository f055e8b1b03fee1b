import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

STATIC = Path(settings.BASE_DIR) / "crm" / "static"
MANIFEST = json.loads((STATIC / "vendor" / "MANIFEST").read_text())
WANTED = tomllib.loads((Path(settings.BASE_DIR) / "vendor.toml").read_text())


@pytest.mark.parametrize(
    "entry", [file for package in MANIFEST for file in package["files"]], ids=lambda e: e["file"]
)
def test_a_vendored_file_is_what_was_fetched(entry):
    assert hashlib.sha256((STATIC / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


def test_nothing_lies_beside_the_files_of_the_manifest():
    listed = {file["file"] for package in MANIFEST for file in package["files"]} | {
        "vendor/MANIFEST"
    }
    found = {
        path.relative_to(STATIC).as_posix()
        for path in (STATIC / "vendor").rglob("*")
        if path.is_file()
    }
    assert found <= listed


def test_the_manifest_holds_the_wanted_versions():
    wanted = {entry["name"]: entry["version"] for entry in [*WANTED["package"], WANTED["icons"]]}
    assert {entry["name"]: entry["version"] for entry in MANIFEST} == wanted


def test_no_vendored_file_names_a_source_map():
    for path in (STATIC / "vendor").rglob("*.min.*"):
        assert "sourceMappingURL" not in path.read_text(), path


def test_every_icon_named_in_a_template_is_in_the_sprite():
    known = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    named = re.compile(r"""{% icon ["']([a-z0-9-]+)|icons\.svg["'] ?%}#([a-z0-9-]+)""")
    used = {
        next(filter(None, match))
        for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html")
        for match in named.findall(path.read_text())
    }
    assert used
    assert used <= known


def test_no_page_uses_a_class_that_was_left_out_of_the_styles():
    left_out = {word for package in WANTED["package"] for word in package.get("left_out", ())}
    used = {
        name
        for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html")
        for names in re.findall(r'class="([^"]*)"', path.read_text())
        for name in re.findall(r"[A-Za-z][\w-]*", re.sub(r"{[%{].*?[%}]}", " ", names))
    }
    for path in STATIC.glob("*.[cj]s*"):
        used |= set(
            re.findall(r"\.([A-Za-z][\w-]*)", re.sub(r"(?s)/\*.*?\*/", "", path.read_text()))
        )
    assert {"btn", "card"} <= used
    # What a script names after a dot may be no class: only a word with a part after it is one for certain.
    found = {name for name in used if "-" in name and name.partition("-")[0] in left_out}
    assert found == set()


def test_what_was_left_out_of_the_styles_is_not_in_them():
    for package in WANTED["package"]:
        for path in (STATIC / "vendor" / package["folder"]).glob("*.css"):
            asked = re.sub(r":not\([^)]*\)", "", path.read_text())
            classes = set(re.findall(r"[.]([A-Za-z]+)[\w-]*(?=[^{}]*{)", asked))
            assert "btn" in classes or not package.get("left_out")
            assert not classes & set(package.get("left_out", ())), path
