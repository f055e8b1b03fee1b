"""Which fields a file may feed, by what it holds, and what kind of cell each takes."""

from __future__ import annotations

from enum import StrEnum

from django.db import models

from contacts.models import Contact
from deals.models import Deal, DealContact


class Entity(StrEnum):
    """What a row of a file is. In the order in which they are loaded."""

    COMPANIES = "companies"
    PEOPLE = "people"
    DEALS = "deals"
    DEAL_CONTACTS = "deal_contacts"


class Cell(StrEnum):
    TEXT = "text"
    EMAIL = "email"
    URL = "url"
    NUMBER = "number"
    CURRENCY = "currency"
    YES_OR_NO = "yes or no"
    DAY = "day"
    BEGINNING = "beginning"  # a moment; a date is the beginning of the day
    ENDING = "ending"  # a moment; a date is the end of the day
    CONTACT = "contact"  # refers to a person or a company
    DEAL = "deal"
    USER = "user"
    STAGE = "stage"
    CHOICE = "choice"  # one of a short list, which grows
    STATUS = "status"
    LANGUAGE = "language"  # one that mails are written in
    BASIS = "basis"  # the legal basis on which an address is mailed


_COMMON = {
    "email": Cell.EMAIL,
    "phone": Cell.TEXT,
    "mobile": Cell.TEXT,
    "website": Cell.URL,
    "language": Cell.LANGUAGE,
    "street": Cell.TEXT,
    "postal_code": Cell.TEXT,
    "city": Cell.TEXT,
    "state": Cell.TEXT,
    "country": Cell.TEXT,
    "industry": Cell.TEXT,
    "description": Cell.TEXT,
    "owner": Cell.USER,
    "created_at": Cell.BEGINNING,
    "prospect_status": Cell.STATUS,
    "customer_status": Cell.STATUS,
    "legal_basis": Cell.BASIS,
    "legal_basis_source": Cell.TEXT,
    "legal_basis_at": Cell.BEGINNING,
    "legal_basis_text": Cell.TEXT,
    "unsubscribed": Cell.YES_OR_NO,
}

FIELDS: dict[Entity, dict[str, Cell]] = {
    Entity.COMPANIES: {"name": Cell.TEXT, "parent_company": Cell.CONTACT, **_COMMON},
    Entity.PEOPLE: {
        "first_name": Cell.TEXT,
        "last_name": Cell.TEXT,
        "full_name": Cell.TEXT,
        "title": Cell.TEXT,
        "company": Cell.CONTACT,
        **_COMMON,
    },
    Entity.DEALS: {
        "name": Cell.TEXT,
        "primary_contact": Cell.CONTACT,
        "company": Cell.CONTACT,
        "stage": Cell.STAGE,
        "opened_at": Cell.BEGINNING,
        "closed_at": Cell.ENDING,
        "stage_changed_at": Cell.BEGINNING,
        "estimated_close_date": Cell.DAY,
        "value": Cell.NUMBER,
        "currency": Cell.CURRENCY,
        "owner": Cell.USER,
        "source": Cell.CHOICE,
        "loss_reason": Cell.CHOICE,
        "unqualified_reason": Cell.CHOICE,
        "hot": Cell.YES_OR_NO,
        "created_at": Cell.BEGINNING,
    },
    Entity.DEAL_CONTACTS: {"deal": Cell.DEAL, "contact": Cell.CONTACT, "role": Cell.TEXT},
}

# What a mapping has to say; of a tuple, one.
REQUIRED: dict[Entity, tuple[tuple[str, ...], ...]] = {
    Entity.COMPANIES: (("name",),),
    Entity.PEOPLE: (("last_name", "full_name"),),
    Entity.DEALS: (("name",), ("primary_contact",), ("stage",)),
    Entity.DEAL_CONTACTS: (("deal",), ("contact",)),
}

MODELS: dict[Entity, type[models.Model]] = {
    Entity.COMPANIES: Contact,
    Entity.PEOPLE: Contact,
    Entity.DEALS: Deal,
    Entity.DEAL_CONTACTS: DealContact,
}

# How long texts may be that are no columns of the model.
LONGEST = {
    "full_name": 255, "parent_company": 255, "legal_basis_source": 200, "legal_basis_text": 5_000,
}  # fmt: skip

# Whom a field may refer to.
COMPANY_ONLY = frozenset({"company", "parent_company"})
