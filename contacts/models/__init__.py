"""Contacts: people and companies in one table, and the history of their statuses."""

from contacts.models.contact import Contact
from contacts.models.details import ContactDetail
from contacts.models.history import StatusChange

__all__ = ["Contact", "ContactDetail", "StatusChange"]
