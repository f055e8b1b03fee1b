"""Tags and custom fields as fields of forms. All of them work without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import sanitize_separators
from django.utils.html import escape
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.names import name_key, validate_name
from settings.catalogue import catalogue
from settings.categories import Category, FieldType
from settings.holders import Holder
from settings.models import CustomField, Tag
from settings.models.labels import NAME_LENGTH
from settings.services.making import may_make_tags
from settings.types import ADDRESS_PARTS, PART_LABELS, Names, Value, options_of, type_of

# Makes a field to choose a contact with, which cleans to its number; given label, help_text and required.
ContactField = Callable[..., forms.Field]
# What one chooses from, as ids in text with their names.
Choices = Sequence[tuple[str, str]]


# -- widgets


class AddressInput(forms.MultiWidget):
    """Five inputs, each with a label of its own."""

    template_name = "forms/_address.html"
    use_fieldset = True

    def __init__(self) -> None:
        attrs = {"autocomplete": "off"}
        super().__init__({part: forms.TextInput(attrs) for part in ADDRESS_PARTS})

    def decompress(self, value: Any) -> list[str]:
        parts = str(value or "").split("\n")
        return [*parts, *[""] * (len(ADDRESS_PARTS) - len(parts))]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return [part or "" for part in super().value_from_datadict(data, files, name)]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        for part, inner in zip(ADDRESS_PARTS, context["widget"]["subwidgets"], strict=True):
            inner["label"] = PART_LABELS[part]
        return context

    def use_required_attribute(self, initial: Any) -> bool:
        # One of the five is enough.
        return False


class OptionBoxes(forms.CheckboxSelectMultiple):
    """Options to tick. A hidden input tells none ticked from not asked at all."""

    template_name = "forms/_options.html"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        values = super().value_from_datadict(data, files, name)
        return [value for value in values or () if value]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data


class TagsSent(NamedTuple):
    """The tags that are ticked, and what is typed of others."""

    ids: tuple[str, ...] = ()
    typed: str = ""


class TagPicker(forms.Widget):
    """The tags of a category to tick, and an input for more of them."""

    template_name = "forms/_tags.html"
    use_fieldset = True

    def __init__(self, tags: Sequence[Tag], may_make: bool) -> None:
        super().__init__()
        self.tags = tags
        self.may_make = may_make

    def value_from_datadict(self, data: Any, files: Any, name: str) -> TagsSent:
        given = data.getlist(name) if hasattr(data, "getlist") else data.get(name) or ()
        ids = tuple(value for value in given if value)
        return TagsSent(ids, str(data.get(f"{name}_new", "")).strip())

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and f"{name}_new" not in data

    def id_for_label(self, id_: str) -> str:
        return ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        sent = value if isinstance(value, TagsSent) else TagsSent()
        context["picker"] = {
            "tags": [(tag, str(tag.pk) in sent.ids) for tag in self.tags],
            "typed": sent.typed,
            "may_make": self.may_make,
        }
        return context


def _text_input(kind: str = "text") -> Callable[[], forms.Widget]:
    # Filled in about somebody else: the browser must not suggest its own owner.
    return lambda: forms.TextInput({"type": kind, "autocomplete": "off"})


def _number_input(step: str) -> Callable[[], forms.Widget]:
    return lambda: forms.NumberInput({"step": step})


WIDGETS: dict[str, Callable[[], forms.Widget]] = {
    FieldType.TEXT: _text_input(),
    FieldType.LONG_TEXT: lambda: forms.Textarea({"rows": 4}),
    FieldType.WHOLE: _number_input("1"),
    FieldType.NUMBER: _number_input("any"),
    FieldType.MONEY: _number_input("0.01"),
    FieldType.YES_NO: forms.Select,
    FieldType.DATE: _text_input("date"),
    FieldType.MOMENT: _text_input("datetime-local"),
    FieldType.EMAIL: _text_input("email"),
    FieldType.PHONE: _text_input("tel"),
    FieldType.URL: _text_input("url"),
    FieldType.ADDRESS: AddressInput,
    FieldType.CHOICE: forms.Select,
    FieldType.CHOICES: OptionBoxes,
    FieldType.USER: forms.Select,
}
NOT_CHOSEN = [("", "—")]


# -- fields


class ValueField(forms.Field):
    """A custom field; cleans to a value as `settings.types` has it. ``offered`` is what it chooses from, if it does."""

    def __init__(self, subject: CustomField, offered: Choices | None = None, **more: Any) -> None:
        self.subject = subject
        self.offered = None if offered is None else dict(offered)
        super().__init__(widget=WIDGETS[subject.type](), **more)
        if self.offered is not None:
            several = subject.type == FieldType.CHOICES
            choices = [*([] if several else NOT_CHOSEN), *self.offered.items()]
            self.widget.choices = choices  # type: ignore[attr-defined]

    def to_python(self, value: Any) -> Value:
        if self.subject.type == FieldType.ADDRESS and isinstance(value, list):
            value = "\n".join(value) if any(value) else None
        found = read_value(self.subject, value)
        if self.offered is not None and found is not None:
            keys = {self._key(one) for one in _each(found)}
            if keys - self.offered.keys():
                raise ValidationError(
                    _("Choose from the list; what you chose is not in it any more.")
                )
        return found

    def _key(self, value: Any) -> str:
        return str(typed(self.subject, value))

    def prepare_value(self, value: Any) -> Any:
        if self.subject.type == FieldType.ADDRESS and isinstance(value, str):
            return value.split("\n")
        # What was sent is shown again as it was sent.
        if value is None or isinstance(value, str | list):
            return value
        return typed(self.subject, value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        # Not of the values: an input may show less than is stored, as the seconds of a moment.
        return _compared(self.prepare_value(initial)) != _compared(data)

    def label_of(self, value: Any) -> str:
        """In words: a value, or what was sent of one."""
        if value in (None, "") or value == [] or value == ():
            return ""
        if self.offered is not None:
            keys = [one if isinstance(one, str) else self._key(one) for one in _each(value)]
            return ", ".join(self.offered.get(key, key) for key in keys)
        try:
            found = self.to_python(value)
        except ValidationError:
            return ", ".join(value) if isinstance(value, list) else str(value)
        names = Names(currency=catalogue().account.currency)
        return "" if found is None else type_of(self.subject).show(self.subject, found, names)


def _each(value: Any) -> Collection[Any]:
    return value if isinstance(value, tuple | list) else (value,)


def _compared(value: Any) -> Any:
    if isinstance(value, list):
        return [one.strip() for one in value] if any(value) else ""
    # Forms send other ends of lines than are stored.
    return str("" if value is None else value).replace("\r\n", "\n").strip()


def typed(field: CustomField, value: Value) -> Any:
    """A value as its input holds it."""
    if isinstance(value, tuple):
        return [str(one) for one in value]
    if isinstance(value, datetime):
        local = timezone.localtime(value).replace(tzinfo=None)
        return local.isoformat(timespec="seconds" if local.second else "minutes")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if field.type in (FieldType.NUMBER, FieldType.MONEY, FieldType.WHOLE):
        return type_of(field).to_text(field, value)
    return str(value)


def read_value(field: CustomField, sent: Any) -> Value:
    """What was typed, as machines write it or as the reader's language does; raises ``ValidationError``."""
    kind = type_of(field)
    try:
        return kind.clean(field, sent)
    except ValidationError:
        if (again := _as_written_here(field, sent)) is None:
            raise
        return kind.clean(field, again)


def _as_written_here(field: CustomField, sent: Any) -> Any:
    text = str(sent).strip()
    try:
        if field.type == FieldType.DATE:
            return forms.DateField().to_python(text)
        if field.type == FieldType.MOMENT:
            return forms.DateTimeField().to_python(text)
    except ValidationError:
        return None
    if field.type in (FieldType.NUMBER, FieldType.MONEY, FieldType.WHOLE):
        canonical = sanitize_separators(text)
        return canonical if canonical != text else None
    return None


def form_field(
    field: CustomField,
    *,
    user: Any,
    holder: Holder,
    chosen: Value = None,
    people: Choices | None = None,
    contact_field: ContactField | None = None,
    **more: Any,
) -> Any:
    """The field of a form for a custom field, which cleans to a value as `settings.types` has it.

    ``chosen`` is what the record has: it is offered though it is retired or gone. ``people`` are those to choose from
    (`people_offered`), which a form with several such fields asks for once. A field of type contact needs
    ``contact_field``, which makes one that cleans to the number of a contact that ``user`` may see.
    """
    more = {
        "label": field.name,
        "required": field.required,
        # Templates show help texts as they are; people made this one.
        "help_text": escape(field.help_text),
        **more,
    }
    if field.type == FieldType.CONTACT:
        if contact_field is None:
            raise TypeError("A field that names a contact needs contact_field.")
        made = contact_field(**more)
        made.subject = field  # type: ignore[attr-defined]
        return made
    offered: Choices | None = None
    if field.type == FieldType.YES_NO:
        offered = [("yes", _("yes")), ("no", _("no"))]
    elif field.type in (FieldType.CHOICE, FieldType.CHOICES):
        offered = options_offered(field, chosen)
    elif field.type == FieldType.USER:
        offered = people_offered([chosen]) if people is None else people
    return ValueField(field, offered, **more)


def options_offered(field: CustomField, chosen: Value = None) -> Choices:
    """The options that are not retired, and those that are chosen."""
    kept = set(_each(chosen))
    return [
        (str(one.pk), _("%s (retired)") % one.name if one.retired else one.name)
        for one in options_of(field)
        if not one.retired or one.pk in kept
    ]


def people_offered(chosen: Collection[Value] = ()) -> Choices:
    """Those who may sign in, and those who are chosen; one statement."""
    kept = [one for one in chosen if one is not None]
    users = User.objects.filter(Q(is_active=True) | Q(pk__in=kept))
    shown = users.order_by("first_name", "last_name", "username").only(
        "first_name", "last_name", "username"
    )
    return [(str(one.pk), str(one)) for one in shown]


# -- tags


class Tagging(NamedTuple):
    """The tags that a record is to carry: by number, and names of those that are made for it."""

    ids: frozenset[int] = frozenset()
    new: tuple[str, ...] = ()


class TagsField(forms.Field):
    """The tags of a category; cleans to ``Tagging``. Initial values are numbers of tags."""

    def __init__(self, category: Category, user: Any, **more: Any) -> None:
        self.category = category
        self.tags = catalogue().tags(category)
        self.may_make = may_make_tags(user)
        super().__init__(widget=TagPicker(self.tags, self.may_make), required=False, **more)

    def prepare_value(self, value: Any) -> TagsSent:
        if isinstance(value, TagsSent):
            return value
        return TagsSent(tuple(str(one) for one in sorted(value or ())))

    def to_python(self, value: Any) -> Tagging:
        sent = self.prepare_value(value)
        offered = {str(tag.pk): tag.pk for tag in self.tags}
        if set(sent.ids) - offered.keys():
            raise ValidationError(
                _(
                    "A tag was removed in the meantime. Look at the tags that are left, and save again."
                )
            )
        found, new = tags_called(sent.typed, self.tags, self.may_make)
        return Tagging(frozenset({offered[one] for one in sent.ids} | found), new)

    def has_changed(self, initial: Any, data: Any) -> bool:
        before, after = self.prepare_value(initial), self.prepare_value(data)
        return set(before.ids) != set(after.ids) or bool(after.typed)

    def label_of(self, value: Any) -> str:
        new: tuple[str, ...] = ()
        if isinstance(value, Tagging):
            value, new = value.ids, value.new
        ids = set(self.prepare_value(value).ids)
        return ", ".join([*(tag.name for tag in self.tags if str(tag.pk) in ids), *new])


def tags_called(text: str, tags: Sequence[Tag], may_make: bool) -> tuple[set[int], tuple[str, ...]]:
    """The tags that a typed text names, parted by commas, and the names of those that are to be made.

    Raises ``ValidationError`` for a name that no tag can have, and for a new one of somebody who makes none.
    """
    known = {tag.key: tag.pk for tag in tags}
    # A name may have a comma in it.
    names = [text] if name_key(text) in known else text.split(",")
    found: set[int] = set()
    new: dict[str, str] = {}
    for name in (" ".join(one.split()) for one in names):
        if name_key(name) in known:
            found.add(known[name_key(name)])
        elif name:
            new.setdefault(name_key(name), name)
    for name in new.values():
        validate_name(name)
        if len(name) > NAME_LENGTH:
            problem = _(
                "The name of a tag has at most %(number)d characters; “%(name)s” has %(length)d."
            )
            raise ValidationError(
                problem % {"number": NAME_LENGTH, "name": name[:NAME_LENGTH], "length": len(name)}
            )
        if not may_make:
            problem = _("There is no tag “%(name)s”. Administrators make tags, in the settings.")
            raise ValidationError(problem % {"name": name})
    return found, tuple(new.values())
