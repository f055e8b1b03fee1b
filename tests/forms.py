"""Filling in the forms that a page really shows, as a browser without JavaScript would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.test import Client


@dataclass
class ShownForm:
    """A form of a page: where it goes, what its fields hold, which values one may not choose."""

    action: str
    method: str
    values: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    disabled: set[tuple[str, str]] = field(default_factory=set)

    def data(self, **changes: Any) -> dict[str, list[str]]:
        """What a browser would send after ``changes`` by name; None leaves a field out."""
        sent: dict[str, list[str]] = {}
        for name, value in self.values:
            sent.setdefault(name, []).append(value)
        for name, value in changes.items():
            if value is None:
                sent.pop(name, None)
            else:
                sent[name] = [str(one) for one in (value if isinstance(value, list) else [value])]
        return sent


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[ShownForm] = []
        self.inside: ShownForm | None = None
        self.select = ""
        self.textarea = ""
        self.templates = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {name: value or "" for name, value in attrs}
        self.templates += tag == "template"
        if tag == "form":
            self.inside = ShownForm(got.get("action", ""), got.get("method", "get").lower())
            self.forms.append(self.inside)
        elif self.inside is None or self.templates:
            return
        elif tag == "input" and got.get("name"):
            self._input(got)
        elif tag == "select":
            self.select = got["name"]
            self.inside.names.add(self.select)
        elif tag == "option" and "selected" in got:
            self.inside.values.append((self.select, got.get("value", "")))
        elif tag == "textarea":
            self.textarea = got["name"]
            self.inside.names.add(self.textarea)

    def _input(self, got: dict[str, str]) -> None:
        assert self.inside is not None
        name, kind = got["name"], got.get("type", "text")
        value = got.get("value", "on" if kind in ("checkbox", "radio") else "")
        self.inside.names.add(name)
        if "disabled" in got:
            self.inside.disabled.add((name, value))
        elif kind not in ("checkbox", "radio") or "checked" in got:
            self.inside.values.append((name, value))

    def handle_data(self, data: str) -> None:
        if self.textarea and self.inside and data.strip() and not self.templates:
            self.inside.values.append((self.textarea, data.removeprefix("\n")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = None
        elif tag == "template":
            self.templates -= 1
        elif tag == "textarea":
            self.textarea = ""


def forms_of(response: Any) -> list[ShownForm]:
    reader = _Reader()
    reader.feed(response.content.decode())
    return reader.forms


def send(client: Client, page: str, *, to: str = "", having: str = "", **changes: Any) -> Any:
    """Open ``page``, change fields of one of its forms by name, and send it.

    The form is the one whose action is ``to`` (its own address if the action is empty) and that
    has the field ``having``. Fails when the page shows no such form, or a changed field is not in
    it. Names with a dash are given with two underscores.
    """
    changes = {name.replace("__", "-"): value for name, value in changes.items()}
    opened = client.get(page)
    assert opened.status_code == 200, f"{page} answers {opened.status_code}"
    here = urlsplit(page).path
    fitting = [
        form
        for form in forms_of(opened)
        if form.method == "post"
        and (form.action or here) == (to or here)
        and (not having or having in form.names)
    ]
    assert fitting, f"{page} has no form that is sent to {to or here}"
    unknown = {name for name in changes if name not in fitting[0].names}
    buttons = {name for name in unknown if f'name="{name}"'.encode() in opened.content}
    assert unknown == buttons, f"{page} has no field {unknown - buttons}"
    return client.post(to or page, fitting[0].data(**changes))
