"""``{% icon "building" %}``: a picture of ``icons.svg``; in every template without loading it."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


# A page has thirty: less to write, and to do, than for a template of its own.
@register.simple_tag
def icon(name: str, more_classes: str = "") -> SafeString:
    """The icon of this name, which says nothing to who cannot see it."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>\n',
        f"icon {more_classes}".rstrip(),
        static("icons.svg"),
        name,
    )
