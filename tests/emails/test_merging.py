"""What a merge field is, and what is none: nothing in a mail is ever evaluated."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from emails.merging import Place, fill, in_html, in_line, lacking, read

KNOWN = {"first_name", "email", "website", "phone", "unsubscribe_link"}


def refusal(text: str, *, html: bool = False) -> str:
    with pytest.raises(ValidationError) as refused:
        read(text, known=KNOWN, html=html)
    return " ".join(refused.value.messages)


def in_mail(html: str, **values: str) -> str:
    return fill(read(html, known=KNOWN, html=True), values, in_html)


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("{{first_name}}", Place("first_name")),
        ("{{ First_Name }}", Place("first_name")),
        ('{{ first_name | "there" }}', Place("first_name", "there")),
        ('{{first_name|""}}', Place("first_name", "")),
        ("{{ first_name | “there” }}", Place("first_name", "there")),
        ("{{ first_name | „da“ }}", Place("first_name", "da")),
        ("{{ first_name | «\u00a0vous\u00a0» }}", Place("first_name", "vous")),
    ],
)
def test_a_merge_field_is_a_name_and_what_stands_there_instead(text, piece):
    assert read(text, known=KNOWN) == [piece]


@pytest.mark.parametrize(
    "text",
    [
        "{{ first_name&nbsp;}}",
        "{{&nbsp;first_name | &quot;Tom &amp; Ann&quot; }}",
        '{{ first_name | "Tom &amp; Ann" }}',
    ],
)
def test_what_editors_of_html_write_between_the_braces_is_read(text):
    assert in_mail(text, first_name="Ann") == "Ann"


def test_a_fallback_is_written_into_html_as_text():
    assert in_mail('<p>{{ first_name | "Tom &amp; Ann" }}</p>') == "<p>Tom &amp; Ann</p>"


@pytest.mark.parametrize(
    "text",
    [
        "{{7*7}}",
        "{{settings.SECRET_KEY}}",
        "{{ first_name.__class__ }}",
        "{{ first_name|upper }}",
        "{{ first_name()}}",
        "{{ first_name",
        "first_name }}",
        "{{{{ first_name }}}}",
        '{{ first_name | "{{ email }}" }}',
    ],
)
@pytest.mark.parametrize("html", [True, False])
def test_what_only_looks_like_a_merge_field_is_refused(text, html):
    assert "is no merge field" in refusal(text, html=html)


@pytest.mark.parametrize("name", ["constructor", "password", "self", "__class__", "key"])
def test_a_name_that_is_not_on_the_list_is_refused(name):
    told = refusal(f"Dear {{{{{name}}}}}")
    assert name in told


@pytest.mark.parametrize(
    "text",
    ["{% debug %}", "${x}", "<%= x %>", "#{x}", "{0.__class__}", "%(x)s", "{# x #}", "[[x]]"],
)
def test_what_other_languages_evaluate_stays_as_it_is(text):
    assert fill(read(text, known=KNOWN), {"x": "evaluated"}) == text


def test_a_contact_called_like_a_merge_field_stays_called_that():
    read_once = read("Dear {{ first_name }}", known=KNOWN)
    values = {"first_name": "{{ email }}", "email": "ann@example.com"}
    assert fill(read_once, values) == "Dear {{ email }}"
    assert in_mail("<p>{{ first_name }}</p>", **values) == "<p>{{ email }}</p>"


def test_a_value_is_text_between_tags_whatever_it_holds():
    shown = in_mail("<p>{{ first_name }}</p>", first_name='<img src=x onerror="alert(1)">\nAnn')
    assert shown == "<p>&lt;img src=x onerror=&quot;alert(1)&quot;&gt;<br>Ann</p>"


def test_a_value_cannot_begin_another_line_of_a_subject():
    values = {"first_name": "Ann\r\nBcc: all@example.com\u2028x\x00y"}
    subject = fill(read("Hello {{ first_name }}", known=KNOWN), values, in_line)
    assert subject == "Hello Ann Bcc: all@example.com x y"


def test_without_value_and_fallback_it_is_lacking():
    text = read('{{ first_name }} {{ email | "none" }} {{ phone }}', known=KNOWN)
    assert lacking(text, {"phone": "1", "first_name": ""}) == ["first_name"]
    with pytest.raises(KeyError, match="first_name"):
        fill(text, {"phone": "1"})


def test_an_empty_fallback_says_that_nothing_may_stand_there():
    text = read('Dear {{ first_name | "" }}!', known=KNOWN)
    assert lacking(text, {}) == []
    assert fill(text, {}) == "Dear !"
    link = read('<a href="{{ website | &quot;&quot; }}">x</a>', known=KNOWN, html=True)
    assert lacking(link, {}) == ["website"]


# -- in tags


def test_a_field_may_be_a_whole_link_and_then_leads_to_the_web():
    link = '<a href="{{ website }}">Yours</a>'
    shown = in_mail(link, website='https://example.com/a"c?x=1&y=<2>')
    assert shown == '<a href="https://example.com/a%22c?x=1&amp;y=%3C2%3E">Yours</a>'


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.com",
        "ftp://example.com",
        "https://",
        "",
    ],
)
def test_a_value_that_is_no_web_address_makes_no_link(value):
    link = read('<a href="{{ website }}">Yours</a>', known=KNOWN, html=True)
    assert lacking(link, {"website": value}) == ["website"]
    other = '<a href="{{ website | &quot;https://example.com/&quot; }}">Yours</a>'
    assert in_mail(other, website=value) == '<a href="https://example.com/">Yours</a>'


def test_the_fallback_of_a_link_is_a_web_address():
    told = refusal('<a href="{{ website | &quot;javascript:alert(1)&quot; }}">x</a>', html=True)
    assert "is no web address" in told


def test_a_field_within_a_link_cannot_end_its_part():
    link = '<a href="https://example.com/?name={{ first_name }}&amp;x=1">x</a>'
    shown = in_mail(link, first_name='A&b="x#/ ')
    assert shown == ('<a href="https://example.com/?name=A%26b%3D%22x%23%2F%20&amp;x=1">x</a>')


def test_a_field_within_an_address_of_plain_text_is_encoded_too():
    text = read("See https://example.com/?name={{ first_name }} {{ first_name }}", known=KNOWN)
    assert fill(text, {"first_name": "A b"}) == "See https://example.com/?name=A%20b A b"


def test_addresses_and_numbers_make_links_to_write_and_to_call():
    assert in_mail('<a href="mailto:{{ email }}">x</a>', email='a@example.com"?bcc=b') == (
        '<a href="mailto:a@example.com%22%3Fbcc%3Db">x</a>'
    )
    assert in_mail('<a href="tel:{{ phone }}">x</a>', phone="+49 30 1") == (
        '<a href="tel:+49301">x</a>'
    )


@pytest.mark.parametrize(
    "href",
    [
        "https://{{ first_name }}/",
        "https://{{ first_name }}.example.com/",
        "https://example.com{{ first_name }}",
        "{{ website }}/{{ first_name }}",
        "{{ first_name }}:alert(1)",
        "/{{ first_name }}",
        "javascript:{{ first_name }}",
    ],
)
def test_no_field_decides_where_a_link_leads(href):
    assert "decides where it leads" in refusal(f'<a href="{href}">x</a>', html=True)


@pytest.mark.parametrize(
    "tag",
    [
        '<img src="{{ website }}">',
        '<p style="color:{{ first_name }}">',
        '<p onclick="{{ first_name }}">',
        '<a class="{{ first_name }}">',
    ],
)
def test_a_field_stands_in_no_other_attribute(tag):
    assert "No merge field can stand in" in refusal(tag, html=True)


def test_a_field_is_no_tag():
    assert refusal("<p {{ first_name }}>", html=True)


def test_a_picture_may_be_described_by_a_field():
    shown = in_mail('<img alt="For {{ first_name }}">', first_name='"><script>\nx')
    assert shown == '<img alt="For &quot;&gt;&lt;script&gt; x">'


@pytest.mark.parametrize(
    "html",
    [
        "{{ <b>first_name</b> }}",
        "{<b>{ first_name }</b>}",
        "{{ first_<i>name</i> }}",
        '{{ first_name | "<em>there</em>" }}',
    ],
)
def test_a_field_torn_by_formatting_is_told_of(html):
    assert "The formatting tears “{{ first_name" in refusal(f"<p>Dear {html}</p>", html=True)


def test_braces_of_style_sheets_and_comments_are_none():
    html = "<style>@media x{p{color:red}}</style><!--[if mso]>{{ x }}<![endif]--><p>Hi</p>"
    assert read(html, known=KNOWN, html=True) == [html]


def test_every_problem_is_told_once():
    with pytest.raises(ValidationError) as refused:
        read("{{ a1 }} {{ a1 }} {{ b1 }} {{ 7 }}", known=KNOWN)
    assert len(refused.value.messages) == 3
