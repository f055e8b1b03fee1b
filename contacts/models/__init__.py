"""Contacts: people and companies in one table, their history, and the tags and fields they carry."""

from contacts.models.collaborators import ContactCollaborator
from contacts.models.contact import Contact
from contacts.models.details import ContactDetail
from contacts.models.history import StatusChange
from contacts.models.labels import ContactChange, ContactTag, ContactValue

__all__ = [
    "Contact",
    "ContactChange",
    "ContactCollaborator",
    "ContactDetail",
    "ContactTag",
    "ContactValue",
    "StatusChange",
]
