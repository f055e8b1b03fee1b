"""What no line of the product does without a reason written here. An entry that nothing needs fails too."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

ROOT = Path(settings.BASE_DIR)
TOPS = ("crm", "contacts", "deals", "emails", "settings", "imports")
SOURCES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
    for top in TOPS
    for path in sorted((ROOT / top).rglob("*.py"))
}
TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
SCRIPTS = sorted((ROOT / "crm" / "static").glob("*.js"))


def named(node: ast.expr) -> str:
    """The last part of what is called or read: ``cursor`` of ``connection.cursor``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def calls(*names: str) -> Callable[[ast.AST], bool]:
    def matches(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and named(node.func) in names

    return matches


def builtin(*names: str) -> Callable[[ast.AST], bool]:
    def matches(node: ast.AST) -> bool:
        return (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
        )

    return matches


def imports(*names: str) -> Callable[[ast.AST], bool]:
    def matches(node: ast.AST) -> bool:
        if isinstance(node, ast.Import):
            return any(one.name.split(".")[0] in names for one in node.names)
        if isinstance(node, ast.ImportFrom):
            return (node.module or "").split(".")[0] in names or any(
                one.name in names for one in node.names
            )
        return isinstance(node, ast.Name | ast.Attribute) and named(node) in names

    return matches


def is_put_together(node: ast.AST) -> bool:
    """``format_html`` whose pattern is not one literal: what was put into it is not escaped."""
    at = {"format_html": 0, "format_html_join": 1}
    if not isinstance(node, ast.Call) or named(node.func) not in at:
        return False
    return not isinstance(node.args[at[named(node.func)]], ast.Constant)


def runs_a_shell(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "shell" and not (
            isinstance(node.value, ast.Constant) and not node.value.value
        )
    return calls("system", "popen", "getoutput")(node)


# What is looked for, by what it would let in.
RULES: dict[str, Callable[[ast.AST], bool]] = {
    "mark_safe": imports("mark_safe", "SafeText", "html_safe"),
    "a safe string of one's own": builtin("SafeString"),
    "format_html put together": is_put_together,
    "extra": calls("extra"),
    "RawSQL": imports("RawSQL"),
    "raw": calls("raw"),
    "cursor": calls("cursor", "chunked_cursor"),
    "a template out of text": calls("Template", "from_string"),
    "eval": builtin("eval", "exec", "compile", "__import__"),
    "pickle": imports("pickle", "marshal", "shelve", "dill"),
    "yaml": imports("yaml"),
    "csrf_exempt": imports("csrf_exempt"),
    "login_not_required": calls("login_not_required"),
    "a process": imports("subprocess"),
    "a shell": runs_a_shell,
    "a request to somewhere": imports("requests", "httpx", "urlopen", "aiohttp"),
    "weak randomness": imports("random", "uuid1"),
}

OWN_WORDS = "its statements are made of our own words, values go in as parameters"
INVENTED = "the same demo data for the same seed"
ALLOWED: dict[str, dict[str, str]] = {
    "cursor": {
        "crm/accounts/welcome.py": "locks the table of users while the first one is made",
        "crm/audit/gate.py": "asks for the number of the transaction",
        "crm/backup/moving.py": "makes the triggers that seal a moved database",
        "crm/backup/restoring.py": "ANALYZE after a restore",
        "crm/backup/stores.py": "begins the transaction that shows one moment",
        "crm/backup/tables.py": "rows as they are stored, past the models",
        "crm/bulk/sql.py": OWN_WORDS,
        "crm/demo/store.py": OWN_WORDS,
        "crm/privacy/erasing.py": "settings of SQLite, so that what is erased is not in its file",
        "crm/views.py": "asks the database whether it answers",
        "contacts/words.py": OWN_WORDS,
        "deals/services/arrivals.py": OWN_WORDS,
        "deals/services/recount.py": OWN_WORDS,
        "deals/services/restaging.py": OWN_WORDS,
        "deals/services/select_sql.py": OWN_WORDS,
        "deals/services/sql.py": OWN_WORDS,
        "emails/ledger.py": OWN_WORDS,
        "emails/sending/liveness.py": "locks that PostgreSQL keeps by number",
        "emails/sending/rows.py": OWN_WORDS,
        "imports/bulk.py": OWN_WORDS,
        "imports/directory.py": OWN_WORDS,
        "settings/services/locks.py": "locks that PostgreSQL keeps by number",
    },
    "csrf_exempt": {
        "emails/public_views.py": "mail programs send no token (RFC 8058); the signed address proves that they may",
    },
    "login_not_required": {
        "emails/public_views.py": "pages for whoever gets a mail; the signed address proves that they may",
    },
    "a template out of text": {
        "emails/versions.py": "a mail to begin with; no template of Django’s",
    },
    "a request to somewhere": {
        "crm/accounts/sign_in_views.py": "the errors of the library that asks the identity provider",
    },
    "weak randomness": {
        "crm/demo/contacts.py": INVENTED,
        "crm/demo/deals.py": INVENTED,
        "crm/demo/labels.py": INVENTED,
        "crm/demo/standings.py": INVENTED,
        "crm/management/commands/seed_demo.py": INVENTED,
        "crm/retry.py": "how long to wait before trying again is no secret",
        "emails/sending/retries.py": "how long to wait before trying again is no secret",
    },
    "raw": {
        "crm/accounts/backends.py": "the statement that Django made of a query, kept",
    },
    "a process": {
        "crm/catalogues.py": "gettext's own programs, for who translates; no word of a user",
        "crm/management/commands/serve.py": "web server and worker, started by who runs it",
    },
}


@cache
def found() -> dict[str, set[str]]:
    """The files that each rule finds something in. Migrations run once, on no word of a user."""
    places: dict[str, set[str]] = {rule: set() for rule in RULES}
    for name, tree in SOURCES.items():
        if "/migrations/" in name:
            continue
        for node in ast.walk(tree):
            for rule, finds in RULES.items():
                if finds(node):
                    places[rule].add(name)
    return places


@pytest.mark.parametrize("rule", RULES)
def test_what_lets_strangers_in_stands_only_where_a_reason_is_given(rule: str) -> None:
    assert found()[rule] == {name for name, reason in ALLOWED.get(rule, {}).items() if reason}


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("mark_safe", "from django.utils.safestring import mark_safe"),
        ("mark_safe", "safestring.mark_safe(name)"),
        ("a safe string of one's own", "SafeString(name)"),
        ("format_html put together", "format_html('<b>' + name)"),
        ("format_html put together", "format_html(f'<b>{name}</b>')"),
        ("extra", "Contact.objects.extra(where=[name])"),
        ("RawSQL", "from django.db.models.expressions import RawSQL"),
        ("raw", "Contact.objects.raw(name)"),
        ("cursor", "connection.cursor()"),
        ("a template out of text", "engine.from_string(name)"),
        ("eval", "eval(name)"),
        ("pickle", "import pickle"),
        ("pickle", "from pickle import loads"),
        ("yaml", "yaml.load(name)"),
        ("csrf_exempt", "from django.views.decorators.csrf import csrf_exempt"),
        ("a shell", "run(name, shell=True)"),
        ("a shell", "os.system(name)"),
        ("weak randomness", "from random import choice"),
    ],
)
def test_each_rule_finds_what_it_is_for(rule: str, source: str) -> None:
    assert any(RULES[rule](node) for node in ast.walk(ast.parse(source)))


# -- templates and scripts

UNESCAPED = re.compile(r"\|\s*safe\b|\|\s*safeseq\b|autoescape\s+off")
PLAIN = "plain text, in which HTML would be shown as it is"
SAFE_TEMPLATES = {
    "templates/emails/mail.html": "rich text that nh3 has cleaned, and the style sheet of the layout",
    "templates/emails/mail.txt": PLAIN,
    "templates/account/email/reset.txt": PLAIN,
    "templates/account/email/reset_subject.txt": PLAIN,
    "templates/mfa/recovery_codes/download.txt": PLAIN,
    "templates/forms/_field.html": "the help text of a field, which is ours: Django makes HTML of it too",
}
# Writing text as HTML, running text, and keeping what is personal in the browser.
IN_SCRIPTS = re.compile(
    r"innerHTML\s*\+?=|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function"
    r"|localStorage|sessionStorage|indexedDB|postMessage"
)
SCRIPTS_MAY = {
    "crm/static/pickers.js": "takes a form of a template element, which the server has escaped",
}


def holding(pattern: re.Pattern[str], paths: list[Path]) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in paths if pattern.search(path.read_text())}


def test_no_template_leaves_escaping_out() -> None:
    assert holding(UNESCAPED, TEMPLATES) == SAFE_TEMPLATES.keys()
    for text in ("{{ name|safe }}", "{{ name | safe }}", "{% autoescape off %}"):
        assert UNESCAPED.search(text)


def test_no_script_makes_html_of_text_or_keeps_anything() -> None:
    assert holding(IN_SCRIPTS, SCRIPTS) == SCRIPTS_MAY.keys()


# -- the one door

# Who may see them depends on who asks.
GUARDED = frozenset(
    [
        *("Contact", "ContactDetail", "ContactTag", "ContactValue", "ContactChange"),
        *("ContactCollaborator", "StatusChange", "SearchWord"),
        *("Deal", "DealContact", "DealParty", "DealTag", "DealValue", "DealChange"),
        *("DealCollaborator", "MergeRecord", "TrashedRecord", "Entry"),
    ]
)
MANAGERS = ("objects", "_base_manager", "_default_manager")
DOORS = ("visible_to", "editable_by", "none")
DOOR_CALLS = ("visible_or_404", "editable_or_refuse")
# Services act on what they were given; models and querysets are what the door is made of.
# A person's data are exported and erased by administrators, wherever they are.
ROOMS = ("services", "migrations", "models", "demo", "imports", "privacy")
ROOM_FILES = ("models.py", "querysets.py", "services.py")

GIVEN = "reads what belongs to a record that came through the door"
CHECKED = "rows of this chunk, which editable_by has just let through"
PREVIEW = "the step that is rolled back, on a record that came through the door"
NUMBER = "a number only, of what the reader does not see"
AMONG = "joined with rows that went through visible_to"
FOLLOWS = "follows a merge, which asks for edit rights on both"
HANDS = "all records of a user, for administrators"
ADMINISTRATORS = "for administrators, who see everything"
FOR_ALL = "for every reader: acts for nobody, and shows nothing"
CHOSEN = "the name of what was chosen among editable records when the run was started"
PAST_THE_DOOR: dict[str, str] = {
    "contacts/bulk.py DeletePage.left_out": NUMBER,
    "contacts/card_views.py _show_delete": PREVIEW,
    "contacts/card_views.py _show_form": GIVEN,
    "contacts/cards.py ContactCard._below": AMONG,
    "contacts/cards.py ContactCard._counting": AMONG,
    "contacts/cards.py ContactCard.hidden_deals": NUMBER,
    "contacts/cards.py ContactCard.history": GIVEN,
    "contacts/collaborators_follow.py _add": FOLLOWS,
    "contacts/collaborators_follow.py _of": FOLLOWS,
    "contacts/collaborators_follow.py part_collaborators": FOLLOWS,
    "contacts/employees.py with_deals": AMONG,
    "contacts/holdings.py": HANDS,
    "contacts/holdings.py _hand_contacts": HANDS,
    "contacts/labels_follow.py _Parting._insert": FOLLOWS,
    "contacts/labels_follow.py _join_tags": FOLLOWS,
    "contacts/labels_follow.py _join_values": FOLLOWS,
    "contacts/labels_follow.py join_labels": FOLLOWS,
    "contacts/labels_follow.py part_labels": FOLLOWS,
    "contacts/leaving.py gone_sentence": "of a contact that the user saw until this step: why it is out of sight",
    "contacts/merge_views.py _effects": PREVIEW,
    "contacts/merge_views.py _follows": "counted apart by what is visible: the rest is a number",
    "contacts/status_fields.py _history_of": "a sub-query of contacts that are narrowed by the list",
    "contacts/status_fields.py _history_seen": GIVEN,
    "contacts/status_fields.py latest_changes": GIVEN,
    "contacts/words.py alternatives_to": "words to search with among what is visible; none of them is shown",
    "crm/audit/denied.py _note": FOR_ALL,
    "crm/audit/retention.py remove_older": FOR_ALL,
    "crm/management/commands/seed_demo.py Command.handle": FOR_ALL,
    "crm/management/commands/seed_demo.py Command.tell_statuses": FOR_ALL,
    "crm/traces/log.py _entries": ADMINISTRATORS,
    "crm/traces/log.py _status_changes": ADMINISTRATORS,
    "deals/actions.py DeleteDeals.act": CHECKED,
    "deals/actions.py MoveDeals._parties": CHECKED,
    "deals/actions.py MoveDeals._rows": CHECKED,
    "deals/actions.py MoveDeals.act": CHECKED,
    "deals/admin.py DealAdmin.save_related": ADMINISTRATORS,
    "deals/admin.py DealForm.clean": ADMINISTRATORS,
    "deals/card_views.py _effects_of_star": PREVIEW,
    "deals/card_views.py _show_move": PREVIEW,
    "deals/card_views.py delete": GIVEN,
    "deals/card_views.py link_add": GIVEN,
    "deals/card_views.py link_remove": GIVEN,
    "deals/cards.py DealCard._all_kept": AMONG,
    "deals/cards.py DealCard._links": AMONG,
    "deals/cards.py DealCard.contacts": AMONG,
    "deals/cards.py DealCard.hidden_contacts": NUMBER,
    "deals/company_actions.py SetCompany.act": CHECKED,
    "deals/company_actions.py SetCompany.names": CHOSEN,
    "deals/company_actions.py SetCompany.put_back": CHECKED,
    "deals/company_actions.py _lock_people": CHECKED,
    "deals/company_actions.py _move_back": CHECKED,
    "deals/company_actions.py _with_ties": CHECKED,
    "deals/contact_actions.py AddToDeal._roles": CHECKED,
    "deals/contact_actions.py AddToDeal.act": CHECKED,
    "deals/contact_actions.py AddToDeal.names": CHOSEN,
    "deals/contact_actions.py AddToDeal.put_back": CHECKED,
    "deals/contact_actions.py DeleteContacts.act": CHECKED,
    "deals/contact_listing.py _counting": AMONG,
    "deals/contact_listing.py _of_last.seen": AMONG,
    "deals/contact_listing.py totals": AMONG,
    "deals/form_views.py _effects": PREVIEW,
    "deals/form_views.py _show": GIVEN,
    "deals/forms.py DealForm._save_links": GIVEN,
    "deals/holdings.py": HANDS,
    "deals/holdings.py _hand_deals": HANDS,
    "deals/notices.py _found": GIVEN,
    "deals/notices.py active_deals_elsewhere": "without a user for the service that moves them",
    "deals/notices.py sentence_of": AMONG,
    "deals/pipeline_views.py stage_end": ADMINISTRATORS,
    "deals/trash_views.py restore": ADMINISTRATORS,
    "deals/trash_views.py trash": ADMINISTRATORS,
    "emails/actions.py SetBasis._addresses": CHECKED,
    "emails/contact_listing.py _emails": AMONG,
    "emails/ledger.py recheck": "whether they are there at all, for one of two reasons in the author's own ledger",
    "emails/sending/writing.py Writer._readers": "in which language and why those are mailed whom recheck left",
    "emails/timeline.py _events_of": GIVEN,
    "emails/values.py _Batch._last_won": "deals that the author sees, of recipients among those that the author sees",
    "emails/values.py languages_for": "in which language recipients read, and nothing else of them",
    "emails/public_views.py _language": "in which language whoever holds the way out of a mail reads",
}


def in_rooms(name: str) -> bool:
    parts = Path(name).parts
    return bool(set(parts) & set(ROOMS)) or parts[-1] in ROOM_FILES


def goes_through(node: ast.AST, parents: dict[ast.AST, ast.AST], *, is_named: bool = False) -> bool:
    """Whether what begins here is narrowed to what somebody may see before it is used."""
    while True:
        parent = parents.get(node)
        if isinstance(parent, ast.Attribute):
            if parent.attr in DOORS:
                return True
        elif isinstance(parent, ast.Call) and parent.func is not node:
            return named(parent.func) in DOOR_CALLS
        elif isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            if is_named:
                return False
            return is_given_to_a_door(parent, parent.targets[0].id, parents)
        elif not isinstance(parent, ast.Call):
            return False
        node = parent


def is_given_to_a_door(made: ast.AST, name: str, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether each use of the variable in its function is the way through a door."""
    within = made
    while within in parents and not isinstance(within, ast.FunctionDef):
        within = parents[within]
    uses = [
        node
        for node in ast.walk(within)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]
    return bool(uses) and all(goes_through(use, parents, is_named=True) for use in uses)


def past_the_door(tree: ast.AST) -> Iterator[str]:
    """The functions that use a manager of a guarded model without asking who may see its rows."""
    parents: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            parents[child] = node
    for node in ast.walk(tree):
        if is_looked_up(node) or (is_manager(node) and not goes_through(node, parents)):
            yield around(node, parents)


def is_manager(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute) and node.attr in MANAGERS and named(node.value) in GUARDED
    )


def is_looked_up(node: ast.AST) -> bool:
    looks = calls("get_object_or_404", "get_list_or_404")(node)
    return looks and named(node.args[0]) in GUARDED  # type: ignore[attr-defined]


def around(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    names = []
    while node := parents.get(node):  # type: ignore[assignment]
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
    return ".".join(reversed(names))


def test_rows_are_read_through_the_one_door() -> None:
    past = {
        f"{name} {function}".strip()
        for name, tree in SOURCES.items()
        if not in_rooms(name)
        for function in past_the_door(tree)
    }
    unknown, unused = past - PAST_THE_DOOR.keys(), PAST_THE_DOOR.keys() - past
    assert not unknown, "without visible_to or editable_by, and without a reason in PAST_THE_DOOR"
    assert not unused, "reasons that nothing needs any more"
    assert all(PAST_THE_DOOR.values())


@pytest.mark.parametrize(
    ("source", "passes"),
    [
        ("Contact.objects.visible_to(user)", True),
        ("Contact.objects.for_card().editable_by(user).filter(pk=1)", True),
        ("visible_or_404(Contact.objects.for_card(), user, 1)", True),
        ("Contact.objects.filter(pk=1)", False),
        ("models.Deal.objects.all()", False),
        ("list(Contact._base_manager.all())", False),
        ("rows = Contact.objects", False),
        (
            "def f():\n rows = Contact.objects.all()\n return editable_or_refuse(rows, user, 1)",
            True,
        ),
        ("def f():\n rows = Contact.objects.all()\n return rows, rows.visible_to(user)", False),
        ("get_object_or_404(Deal, pk=1)", False),
        ("get_object_or_404(Deal.objects.visible_to(user), pk=1)", True),
        ("Tag.objects.all()", True),
    ],
)
def test_the_door_is_told_from_what_goes_past_it(source: str, passes: bool) -> None:
    assert (list(past_the_door(ast.parse(source))) == []) == passes
