"""How mails look: what may be in them, their layout, footer and plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from emails.merging import fill, in_html, places
from emails.models import Image, Mailing, MailSettings
from emails.plain_text import plain
from emails.reasons import Basis
from emails.rendering import cleaned, content_of, reason_for
from settings.models import Account

KNOWN = {"first_name", "website"}
PICTURE = "/i/abcdefghijklmnopqrstuv.png"
VALUES = {
    "first_name": "Ann <Lee>",
    "website": "https://example.com/",
    "unsubscribe_link": "https://crm.example.org/u/abc",
}


def shown(
    html: str, *, text: str = "", language: str = "en", reason: str = "Because."
) -> tuple[str, str]:
    """The HTML and the plain text that a recipient gets."""
    mailing = Mailing(subject="News", html=html, text=text, origin="https://crm.example.org")
    content = content_of(mailing, known=KNOWN, language=language, reason=reason)
    return fill(content.html, VALUES, in_html), fill(content.text, VALUES)


# -- what may be in a mail


@pytest.mark.parametrize(
    "html",
    [
        "<h1>A</h1><h2>B</h2><h3>C</h3><p>a<br>b</p><hr>",
        "<ul><li>a</li></ul><ol start=\"3\"><li>b</li></ol><blockquote>q</blockquote>",
        "<p><strong>a</strong><b>b</b><em>c</em><i>d</i><u>e</u><s>f</s></p>",
        '<p><a href="https://example.com/">a</a><a class="button" href="mailto:a@example.com">b</a></p>',
        f'<p><img alt="A roof" src="{PICTURE}" width="300"></p>',
        '<p>{{ first_name | "Tom &amp; Ann" }} <a href="{{ website }}">x</a></p>',
    ],
)  # fmt: skip
def test_what_people_write_is_kept(html):
    assert sorted(cleaned(html)) == sorted(html)
    assert cleaned(cleaned(html)) == cleaned(html)


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<script>alert(1)</script><p>a</p>", "<p>a</p>"),
        ("<style>p{}</style><p onclick='x()' style='color:red' hx-get='/x' id='a'>a</p>", "<p>a</p>"),
        ('<a href="javascript:alert(1)">a</a>', "<a>a</a>"),
        ('<a href="java&#9;script:alert(1)">a</a>', "<a>a</a>"),
        ('<a href="data:text/html,x">a</a>', "<a>a</a>"),
        ('<a class="btn button" href="https://example.com" target="_blank" ping="/x">a</a>',
         '<a class="button" href="https://example.com">a</a>'),
        ("<svg><script>alert(1)</script></svg><iframe src='/x'></iframe><form><input></form>a", "a"),
        ("<!--[if mso]><p>x</p><![endif]-->a", "a"),
        ("<div>a</div><div><br></div><div>b <b>c</b></div>", "<p>a</p><p><br></p><p>b <b>c</b></p>"),
        ("<div><div><p>a</p></div><div>b<ul><li>c</li></ul></div></div>", "<p>a</p>b<ul><li>c</li></ul>"),
        ("<section><div><span>a</span></div></section>b", "<p>a</p>b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "<p> a  b </p><p> c </p>"),
        ("<h5>a</h5><pre>b</pre>", "<h3>a</h3><p>b</p>"),
        ('<img src="https://example.com/track.gif">', ""),
        ('<img src="data:image/png;base64,AAAA" alt="x">', ""),
        ('<img src=x onerror="alert(1)">', ""),
        (f'<img src="https://crm.example.org{PICTURE}" width="1e9">', f'<img src="{PICTURE}">'),
        ('<math><mi xlink:href="data:x">a</mi></math>b', "b"),
        ('<noscript><p title="</noscript><img src=x>">', '&lt;p title=""&gt;'),
    ],
)  # fmt: skip
def test_everything_else_is_dropped(html, left):
    assert cleaned(html) == left


# -- the layout


@pytest.mark.django_db
def test_styles_stand_with_what_they_style():
    html, _text = shown("<h1>News</h1><p>Dear {{ first_name }}</p>")
    assert re.search(r'<h1 style="[^"]*font-size: 26px', html)
    assert re.search(r'<p style="[^"]*margin[^"]*">Dear Ann &lt;Lee&gt;</p>', html)
    assert "@media (prefers-color-scheme: dark)" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert 'width="600"' in html
    assert "max-width: 600px" in html


@pytest.mark.django_db
def test_a_mail_asks_nobody_else_for_anything():
    """No fonts, styles or pictures of strangers; and nothing invisible that tells who reads."""
    html, _text = shown(f'<p><img src="{PICTURE}" alt="A roof"></p>')
    # Names of namespaces are none.
    found = set(re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\'>)]+)', html))
    assert found == {f"https://crm.example.org{PICTURE}", VALUES["unsubscribe_link"]}
    assert len(re.findall(r"<img", html)) == 1


@pytest.mark.django_db
def test_pictures_have_whole_addresses_and_a_size_that_fits():
    Image.objects.create(
        key="abcdefghijklmnopqrstuv", content_type="image/png", width=1200, height=600, size=1
    )
    html, _text = shown(f'<p><img src="{PICTURE}" alt="A roof"></p>')
    image = re.search(r"<img[^>]*>", html)
    assert image
    assert f'src="https://crm.example.org{PICTURE}"' in image.group()
    assert 'width="536"' in image.group()
    assert 'height="268"' in image.group()
    assert "max-width: 100%" in image.group()


@pytest.mark.django_db
def test_the_logo_is_called_like_the_account():
    logo = Image.objects.create(
        key="abcdefghijklmnopqrstuv", content_type="image/png", width=480, height=96, size=1
    )
    MailSettings(logo=logo).save()
    Account(name="Northwind & Co").save()
    html, _text = shown("<p>Hi</p>")
    assert f'src="https://crm.example.org{PICTURE}"' in html
    assert 'alt="Northwind &amp; Co"' in html
    assert 'width="240" height="48"' in html


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("colour", "on_it", "link"),
    [
        ("#ffd400", "#111111", "#1f2328"),
        ("#003366", "#ffffff", "#003366"),
        ("#066fd1", "#ffffff", "#066fd1"),
    ],
)
def test_whatever_colour_is_chosen_buttons_and_links_can_be_read(colour, on_it, link):
    MailSettings(colour=colour).save()
    html, _text = shown(
        '<a href="https://example.com/">x</a><a class="button" href="https://example.com/b">y</a>'
    )
    assert re.search(rf'href="https://example.com/"[^>]*color: {link}', html)
    assert re.search(rf'class="button"[^>]*[" ;]color: {on_it}', html)
    assert re.search(rf'class="button"[^>]*background-color: {colour}', html)


class _Balance(HTMLParser):
    EMPTY = frozenset({"meta", "img", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.django_db
def test_every_tag_is_closed_in_its_turn():
    html, _text = shown("<p>one<ul><li>two<a class='button' href='https://example.com/'>three</p>")
    balance = _Balance()
    balance.feed(html)
    assert balance.open == []
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->")


@pytest.mark.django_db
def test_a_merge_field_that_is_none_is_an_error_and_not_a_mail():
    for html in ("<p>{{ nobody }}</p>", "<p>{{ <b>first_name</b> }}</p>"):
        with pytest.raises(ValidationError):
            shown(html)


@pytest.mark.django_db
def test_templates_of_the_server_are_never_read_from_mails():
    html, text = shown("<p>{% debug %}{# x #}</p>", text="{% load i18n %}")
    assert "{% debug %}{# x #}" in html
    assert "{% load i18n %}" in text


@pytest.mark.django_db
def test_a_subject_is_the_title_whatever_it_holds():
    mailing = Mailing(subject='5 < 6 & </title> {{ first_name | "a <b>" }}', html="<p>Hi</p>")
    html = content_of(mailing, known=KNOWN, language="en", reason="").html
    for values, name in (
        (VALUES, "Ann &lt;Lee&gt;"),
        ({**VALUES, "first_name": ""}, "a &lt;b&gt;"),
    ):
        title = f"<title>5 &lt; 6 &amp; &lt;/title&gt; {name}</title>"
        assert title in fill(html, values, in_html)


# -- the footer


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_every_mail_says_why_from_where_and_how_to_leave(language):
    MailSettings(postal_address="Northwind\n1 Long Lane <3>").save()
    for part in shown("<p>Hi</p>", language=language, reason="Because & so."):
        assert VALUES["unsubscribe_link"] in part
        with translation.override(language):
            assert translation.gettext("Unsubscribe") in part
    html, text = shown("<p>Hi</p>", language=language, reason="Because & so.")
    assert f'<html lang="{language}"' in html
    assert "Because &amp; so." in html
    assert "Northwind<br>1 Long Lane &lt;3&gt;" in html
    assert "Because & so." in text
    assert text.endswith("Northwind\n1 Long Lane <3>\n")


@pytest.mark.django_db
@pytest.mark.parametrize("own", ["", "Written by hand."])
def test_plain_text_is_always_there_with_the_same_footer(own):
    html, text = shown("<p>Rich text.</p>", text=own)
    assert text.startswith(own or "Rich text.")
    assert VALUES["unsubscribe_link"] in text
    assert "Rich text." in html


@pytest.mark.django_db
def test_the_way_out_is_filled_in_for_each():
    mailing = Mailing(subject="News", html="<p>Hi</p>", origin="https://crm.example.org")
    content = content_of(mailing, known=(), language="en", reason="")
    for part in (content.text, content.html):
        assert [one.name for one in places(part)] == ["unsubscribe_link"]


@pytest.mark.django_db
def test_why_one_gets_it_follows_the_legal_basis():
    Account(name="Northwind").save()
    mailing = Mailing()
    told = {one: reason_for(one, mailing, "en") for one in (*Basis.values, "")}
    assert "agreed" in told["consent"]
    assert "customer of Northwind" in told["customer"]
    assert len(set(told.values())) == 5
    assert reason_for("", mailing, "en", is_customer=True) == told["customer"]
    assert reason_for("consent", mailing, "en", is_customer=True) == told["consent"]


# -- plain text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>A</h1><p>b<br>c</p>", "A\n\nb\nc"),
        ("<ul><li>a</li><li>b</li></ul><p>c</p>", "- a\n- b\n\nc"),
        ('<ol start="3"><li>a</li><li>b</li></ol>', "3. a\n4. b"),
        ("<ul><li>a<ol><li>b</li></ol></li><li>c</li></ul>", "- a\n  1. b\n- c"),
        ('<a href="https://example.com/">Here</a>', "Here (https://example.com/)"),
        ('<a href="https://example.com/">https://example.com/</a>', "https://example.com/"),
        ('<a href="mailto:a@example.com">a@example.com</a>', "a@example.com"),
        ('<a href="{{ website | &quot;https://example.com/&quot; }}">x</a>',
         'x ({{ website | "https://example.com/" }})'),
        ('<img src="/i/x.png" alt="A roof">', "A roof"),
        ("<blockquote><p>a</p><p>b</p></blockquote><p>c</p>", "> a\n>\n> b\n\nc"),
        ("<p>a</p><hr><p>b</p>", "a\n\n––––––––––––––––––––\n\nb"),
        ("<p>a &amp; b &lt; c&nbsp;d</p>", "a & b < c d"),
        ("<p>  a \n  b </p>\n<p></p><p>c</p>", "a b\n\nc"),
    ],
)  # fmt: skip
def test_rich_text_reads_as_plain_text(html, text):
    assert plain(html) == text


def test_what_is_nested_without_end_is_read_all_the_same():
    deep = 3_000
    html = (
        "<blockquote>" * deep
        + "<ul><li>" * deep
        + "a"
        + "</li></ul>" * deep
        + "</blockquote>" * deep
    )
    text = plain(html)
    assert text.endswith("- a")
    assert len(text) < 200_000
