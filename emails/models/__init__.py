from emails.models.content import Image, Template, TemplateVersion
from emails.models.mail_settings import MailSettings
from emails.models.mailing import Mailing
from emails.models.recipients import Recipient
from emails.models.reports import Link, Report
from emails.models.senders import Sender, SenderMinute, SenderPause
from emails.models.standing import Address, AddressEvent

__all__ = [
    "Address",
    "AddressEvent",
    "Image",
    "Link",
    "MailSettings",
    "Mailing",
    "Recipient",
    "Report",
    "Sender",
    "SenderMinute",
    "SenderPause",
    "Template",
    "TemplateVersion",
]
