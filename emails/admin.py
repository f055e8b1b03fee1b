"""The back office of bulk email: to look at. Mailings, recipients and where addresses stand change by services alone,
senders only after the password was given again, which the pages of Settings ask for.

Recipients, and minutes and pauses of senders have keys of two columns, which the administration cannot show; the page
of a mailing shows the former.
"""

from __future__ import annotations

from django.contrib import admin

from crm.backoffice import NarrowPaginator, ReadOnlyAdmin
from emails.models import (
    Address,
    AddressEvent,
    Image,
    Link,
    Mailing,
    MailSettings,
    Report,
    Sender,
    Template,
    TemplateVersion,
)


class ManyAdmin(ReadOnlyAdmin):
    """Tables that grow with every mail: nobody counts them, and a page is found in an index."""

    paginator = NarrowPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER


@admin.register(Sender)
class SenderAdmin(ReadOnlyAdmin):
    list_display = ["name", "address", "user", "mailer", "is_active", "checked_at"]
    list_select_related = ["user"]


@admin.register(MailSettings)
class MailSettingsAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "basis_required", "clicks", "bounces_at_most", "complaints_at_most"]


@admin.register(Mailing)
class MailingAdmin(ManyAdmin):
    list_display = ["__str__", "author", "state", "created_at", "total", "sent", "left_out", "failed"]  # fmt: skip
    list_select_related = ["author"]
    list_filter = ["state", "is_single"]
    search_fields = ["subject"]
    # Who has the key takes anybody off; the other ends a form sent twice.
    exclude = ["key", "token"]


@admin.register(Template)
class TemplateAdmin(ReadOnlyAdmin):
    list_display = ["name", "owner", "scope", "team"]
    list_select_related = ["owner", "team"]
    search_fields = ["name"]


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ReadOnlyAdmin):
    list_display = ["template", "number", "subject", "author", "created_at"]
    list_select_related = ["template", "author"]


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    list_display = ["key", "content_type", "width", "height", "size", "owner", "created_at"]
    list_select_related = ["owner"]


@admin.register(Address)
class AddressAdmin(ManyAdmin):
    list_display = ["address", "suppressed", "suppressed_at", "basis", "basis_at"]
    list_filter = ["suppressed", "basis"]
    search_fields = ["address"]
    ordering = ["-pk"]


@admin.register(AddressEvent)
class AddressEventAdmin(ManyAdmin):
    list_display = ["at", "address", "kind", "actor"]
    list_select_related = ["actor"]
    list_filter = ["kind"]
    search_fields = ["address"]


@admin.register(Report)
class ReportAdmin(ManyAdmin):
    list_display = ["at", "kind", "address", "source", "answer"]
    list_filter = ["kind", "source"]
    search_fields = ["address"]


@admin.register(Link)
class LinkAdmin(ManyAdmin):
    list_display = ["mailing", "number", "url", "clicks"]
    list_select_related = ["mailing"]
