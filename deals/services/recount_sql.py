"""The statements of the recount. Joins that hash, in SQL that SQLite and PostgreSQL share."""

from __future__ import annotations

from typing import Any

from deals.services.sql import is_postgresql

_GROUP = "CASE s.category WHEN 'won' THEN 'won' WHEN 'lost' THEN 'lost' \
WHEN 'unqualified' THEN 'lost' ELSE 'active' END"

# Two looks, because the second concerns few deals and joins the contacts.
MISALIGNED_DEALS = f"""
    SELECT d.id, d.name, d."group", s.category, NULL AS company_id
    FROM deals_deal d JOIN deals_stage s ON s.id = d.stage_id
    WHERE d."group" <> {_GROUP}
    UNION ALL
    SELECT d.id, d.name, NULL, s.category,
        CASE WHEN star.is_organization THEN star.id ELSE star.company_id END
    FROM deals_deal d JOIN deals_stage s ON s.id = d.stage_id
    JOIN contacts_contact star ON star.id = d.primary_contact_id
    WHERE d.company_id IS NULL AND {_GROUP} = 'active'
        AND (star.is_organization OR star.company_id IS NOT NULL)"""

ALIGN_GROUPS = f"""
    UPDATE deals_deal SET "group" = a.new_group,
        closed_at = CASE WHEN a.new_group = 'active' THEN NULL ELSE %s END,
        opened_at = CASE WHEN a.new_group = 'active' THEN %s ELSE opened_at END
    FROM (SELECT d.id, {_GROUP} AS new_group FROM deals_deal d
          JOIN deals_stage s ON s.id = d.stage_id WHERE d."group" <> {_GROUP}) AS a
    WHERE deals_deal.id = a.id"""

ALIGN_COMPANIES = """
    UPDATE deals_deal SET company_id = a.company
    FROM (SELECT d.id, CASE WHEN star.is_organization THEN star.id ELSE star.company_id END
              AS company
          FROM deals_deal d JOIN contacts_contact star ON star.id = d.primary_contact_id
          WHERE d."group" = 'active' AND d.company_id IS NULL) AS a
    WHERE deals_deal.id = a.id AND a.company IS NOT NULL"""

LINKS_OF_STARS = """
    SELECT d.id, d.name FROM deals_dealcontact l
    JOIN deals_deal d ON d.id = l.deal_id AND d.primary_contact_id = l.contact_id"""

DROP_LINKS_OF_STARS = """
    DELETE FROM deals_dealcontact WHERE id IN (
        SELECT l.id FROM deals_dealcontact l
        JOIN deals_deal d ON d.id = l.deal_id AND d.primary_contact_id = l.contact_id)"""

# The arms of "who is a party of which deal": star, company, co-workers among the associated.
_STARS = "SELECT d.primary_contact_id AS contact_id, d.id AS deal_id FROM deals_deal d"
_COMPANIES = """
    SELECT d.company_id AS contact_id, d.id AS deal_id FROM deals_deal d
    WHERE d.company_id IS NOT NULL"""
_COWORKERS = """
    SELECT l.contact_id AS contact_id, l.deal_id AS deal_id FROM deals_dealcontact l
    JOIN deals_deal d ON d.id = l.deal_id
    JOIN contacts_contact c ON c.id = l.contact_id AND c.company_id = d.company_id"""

_MISSING = " UNION ".join(
    f"""SELECT w.contact_id, w.deal_id FROM ({arm}) AS w
    LEFT JOIN deals_dealparty p ON p.contact_id = w.contact_id AND p.deal_id = w.deal_id
    WHERE p.id IS NULL"""
    for arm in (_STARS, _COMPANIES, _COWORKERS)
)

_PARTY_FACTS = """
    FROM deals_dealparty p
    LEFT JOIN deals_deal d ON d.id = p.deal_id
    LEFT JOIN deals_dealcontact l ON l.deal_id = p.deal_id AND l.contact_id = p.contact_id
    LEFT JOIN contacts_contact c ON c.id = l.contact_id AND c.company_id = d.company_id"""
_IS_PARTY = "(p.contact_id = d.primary_contact_id OR p.contact_id = COALESCE(d.company_id, 0) \
OR c.id IS NOT NULL)"
_SURPLUS_WHERE = f"d.id IS NULL OR NOT {_IS_PARTY} AND NOT (p.kept AND d.\"group\" = 'won')"
_KEPT_WHERE = f"p.kept AND d.id IS NOT NULL AND {_IS_PARTY}"

PARTY_CHECKS = {
    "missing": _MISSING,
    "surplus": f"SELECT p.contact_id, p.deal_id {_PARTY_FACTS} WHERE {_SURPLUS_WHERE}",
    "kept": f"SELECT p.contact_id, p.deal_id {_PARTY_FACTS} WHERE {_KEPT_WHERE}",
}

PARTY_REPAIRS = (
    f"DELETE FROM deals_dealparty WHERE id IN (SELECT p.id {_PARTY_FACTS} WHERE {_SURPLUS_WHERE})",
    "UPDATE deals_dealparty SET kept = (1 = 0) WHERE id IN "
    f"(SELECT p.id {_PARTY_FACTS} WHERE {_KEPT_WHERE})",
    "INSERT INTO deals_dealparty (contact_id, deal_id, kept) "
    f"SELECT m.contact_id, m.deal_id, (1 = 0) FROM ({_MISSING}) AS m",
)

# How many parties are missing, if every one that is stored and not kept is one: there is a row for
# each at most once, so that as many as there should be are all of them. Cheaper than comparing
# the pairs, and all that the usual case, in which nothing differs, needs.
LACKING_PARTIES = f"""
    SELECT (SELECT COUNT(*) FROM deals_deal)
        + (SELECT COUNT(*) FROM deals_deal WHERE company_id <> primary_contact_id)
        + (SELECT COUNT(*) FROM ({_COWORKERS} WHERE l.contact_id <> d.primary_contact_id) AS w)
        - (SELECT COUNT(*) FROM deals_dealparty WHERE NOT kept)"""

# The companies are the smaller table to look in; that what they name exists is the foreign key's.
WRONG_TIES = """
    SELECT tie.what, tie.id, tie.other FROM (
        SELECT 'contact' AS what, id, company_id AS other FROM contacts_contact
        WHERE company_id IS NOT NULL
        UNION ALL SELECT 'contact', id, parent_company_id FROM contacts_contact
        WHERE parent_company_id IS NOT NULL
        UNION ALL SELECT 'deal', id, company_id FROM deals_deal WHERE company_id IS NOT NULL
    ) AS tie
    WHERE NOT EXISTS (
        SELECT 1 FROM contacts_contact e WHERE e.id = tie.other AND e.is_organization)"""


# 1 for a stored party that is none: of no deal, kept though it is a party, or neither one nor kept.
_STRAY = """CASE
    WHEN p.contact_id = d.primary_contact_id OR p.contact_id = d.company_id OR EXISTS (
        SELECT 1 FROM deals_dealcontact l JOIN contacts_contact w ON w.id = l.contact_id
        WHERE l.deal_id = p.deal_id AND l.contact_id = p.contact_id
            AND w.company_id = d.company_id)
    THEN CASE WHEN p.kept THEN 1 ELSE 0 END
    WHEN p.kept AND d."group" = 'won' THEN 0 ELSE 1 END"""


_OPENED = "CASE WHEN p.joined_at > d.opened_at THEN p.joined_at ELSE d.opened_at END"
_CLOSED = "CASE WHEN p.joined_at > d.closed_at THEN p.joined_at ELSE d.closed_at END"
_DATES = f"""MIN({_OPENED}) FILTER (WHERE d."group" = 'active') AS active_since,
    MAX({_CLOSED}) FILTER (WHERE d."group" = 'lost') AS lost_since,
    MIN({_CLOSED}) FILTER (WHERE d."group" = 'won') AS won_since"""
_DATED = "f.active_since, f.lost_since, f.won_since"


def changed_facts(
    prospect: tuple[str, list[Any]],
    customer: tuple[str, list[Any]],
    among: str = "",
    *,
    dated: bool = False,
) -> tuple[str, list[Any]]:
    """Contacts whose facts differ from a recount: old statuses, new facts, new statuses.

    ``prospect`` and ``customer`` are the law's expressions over the columns of a contact; here
    they read the counted columns of the same names. Without ``among`` there are also contacts
    with a stored party that is none, ``stray``: for them the facts are not to be trusted yet.
    """
    differs = "IS DISTINCT FROM" if is_postgresql() else "IS NOT"
    only = f"WHERE p.contact_id IN (SELECT id FROM {among})" if among else ""
    chosen = f"c.id IN (SELECT id FROM {among}) AND " if among else ""
    differing = f"""(c.active_deals <> COALESCE(f.active_deals, 0)
        OR c.won_deals <> COALESCE(f.won_deals, 0) OR c.lost_deals <> COALESCE(f.lost_deals, 0)
        OR c.last_won_at {differs} f.last_won_at OR c.last_lost_at {differs} f.last_lost_at)"""
    stray = "0" if among else _STRAY
    dates, since = (f", {_DATES}", f", {_DATED}") if dated else ("", "")
    joined, partyless = "LEFT JOIN", ""
    if not is_postgresql():
        # SQLite would make an index of the counts to look each contact up in; the other way
        # round it has one. Contacts without a party then come along by name.
        joined = "JOIN"
        partyless = f"""UNION ALL
            SELECT c.id, 0, 0, 0, NULL, NULL, 0{", NULL, NULL, NULL" if dated else ""}
            FROM contacts_contact c
            WHERE {chosen}c.active_deals + c.won_deals + c.lost_deals > 0
                AND NOT EXISTS (SELECT 1 FROM deals_dealparty p WHERE p.contact_id = c.id)"""
    return (
        f"""
        SELECT q.*, {prospect[0]} AS prospect_new, {customer[0]} AS customer_new
        FROM (
            SELECT c.id, c.name, c.prospect_status AS prospect_old,
                c.customer_status AS customer_old, c.lost_deals AS lost_old,
                c.prospect_mark, c.prospect_marked_at, c.customer_mark, c.customer_marked_at,
                COALESCE(f.active_deals, 0) AS active_deals,
                COALESCE(f.won_deals, 0) AS won_deals, COALESCE(f.lost_deals, 0) AS lost_deals,
                f.last_won_at, f.last_lost_at{since},
                COALESCE(f.stray, 0) AS stray, CASE WHEN {differing} THEN 1 ELSE 0 END AS differs
            FROM contacts_contact c
            {joined} (
                SELECT p.contact_id,
                    COUNT(*) FILTER (WHERE d."group" = 'active') AS active_deals,
                    COUNT(*) FILTER (WHERE d."group" = 'won') AS won_deals,
                    COUNT(*) FILTER (WHERE d."group" = 'lost') AS lost_deals,
                    MAX(d.closed_at) FILTER (WHERE d."group" = 'won') AS last_won_at,
                    MAX(d.closed_at) FILTER (WHERE d."group" = 'lost') AS last_lost_at,
                    MAX({stray}) AS stray{dates}
                FROM deals_dealparty p LEFT JOIN deals_deal d ON d.id = p.deal_id {only}
                GROUP BY p.contact_id {partyless}
            ) AS f ON f.contact_id = c.id
            WHERE {chosen}({differing} OR COALESCE(f.stray, 0) > 0)
        ) AS q""",
        [*prospect[1], *customer[1]],
    )


def with_dates(changed: str) -> str:
    """The rows of the undated table ``changed`` with the dates, as a table to read from."""
    return f"""(
        SELECT r.*, {_DATED} FROM {changed} AS r
        LEFT JOIN (
            SELECT p.contact_id, {_DATES}
            FROM deals_dealparty p JOIN deals_deal d ON d.id = p.deal_id
            WHERE p.contact_id IN (SELECT id FROM {changed})
            GROUP BY p.contact_id
        ) AS f ON f.contact_id = r.id)"""


def _given_since(kind: str) -> str:
    """When the deals began to give the new status; NULL for by this change.

    A win counts only if it is later than a mark ``past`` that it outranks.
    """
    if kind == "prospect":
        return """CASE r.prospect_new WHEN 'current' THEN r.active_since
            WHEN 'lost' THEN CASE WHEN r.lost_deals > r.lost_old AND NOT (
                r.prospect_mark = 'lost' AND r.prospect_marked_at >= r.last_lost_at)
                THEN r.lost_since END END"""
    return """CASE WHEN r.customer_new = 'current' AND r.won_deals > 0 THEN
        CASE WHEN r.customer_mark = 'past' THEN (
            SELECT MIN(d.closed_at) FROM deals_dealparty p JOIN deals_deal d ON d.id = p.deal_id
            WHERE p.contact_id = r.id AND d."group" = 'won' AND d.closed_at > r.customer_marked_at)
        ELSE r.won_since END END"""


def update_contacts(changed: str) -> str:
    """Write the facts of ``changed``, a table with dates; takes the present moment four times."""
    latest, earliest, never = (
        ("GREATEST", "LEAST", "'-infinity'") if is_postgresql() else ("MAX", "MIN", "''")
    )
    dates = ", ".join(
        f"""{kind}_since = CASE WHEN r.{kind}_new = r.{kind}_old THEN {kind}_since
        ELSE {earliest}({latest}(COALESCE({_given_since(kind)}, %s),
            COALESCE({kind}_since, {never})), %s) END"""
        for kind in ("prospect", "customer")
    )
    facts = ("active_deals", "won_deals", "lost_deals", "last_won_at", "last_lost_at")
    return f"""UPDATE contacts_contact SET {", ".join(f"{name} = r.{name}" for name in facts)},
        {dates} FROM {changed} AS r WHERE contacts_contact.id = r.id"""


_HISTORY = """INSERT INTO contacts_statuschange (contact_id, status, old, new, effective_at,
        recorded_at, actor_id, cause, deal_name, stage_name, stage_category, request_id, address, source)"""


def insert_history(changed: str, kind: str) -> str:
    """History of one status for the table ``changed``, after the contacts were written.

    Takes the present moment twice, who, the cause, and of where it comes from the request, the address and the source.
    """
    return f"""{_HISTORY}
        SELECT r.id, '{kind}', r.{kind}_old, r.{kind}_new, COALESCE(c.{kind}_since, %s), %s, %s,
            %s, '', '', '', %s, %s, %s
        FROM {changed} AS r JOIN contacts_contact c ON c.id = r.id
        WHERE r.{kind}_new <> r.{kind}_old"""


def update_with_history(changed: str) -> str:
    """``update_contacts`` and both histories as one statement, which only PostgreSQL knows.

    It spares looking up every contact again. Takes the parameters of both, in that order.
    """
    return f"""WITH written AS ({update_contacts(changed)}
            RETURNING contacts_contact.id, prospect_old, prospect_new, customer_old, customer_new,
                contacts_contact.prospect_since, contacts_contact.customer_since)
        {_HISTORY}
        SELECT w.id, h.status, h.old, h.new, COALESCE(h.since, %s), %s, %s, %s, '', '', '',
            %s, %s, %s
        FROM written AS w CROSS JOIN LATERAL (VALUES
            ('prospect', w.prospect_old, w.prospect_new, w.prospect_since),
            ('customer', w.customer_old, w.customer_new, w.customer_since)
        ) AS h (status, old, new, since) WHERE h.new <> h.old"""
