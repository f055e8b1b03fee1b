"""The limits of the recount: the best SQL for the job that we could write by hand.

Nothing here comes from the product, which is why the law is worded once more.
"""

from __future__ import annotations

from benchmarks.stores import Raw

# Whom a deal counts for: the star, its company, and who is on it and works there. The three
# cannot meet, given the two <>, so that nothing has to be made distinct.
_COWORKERS = """
    SELECT l.contact_id, d.id AS deal_id, d."group" AS grp, d.closed_at
    FROM deals_dealcontact l JOIN deals_deal d ON d.id = l.deal_id
    JOIN contacts_contact c ON c.id = l.contact_id
    WHERE c.company_id = d.company_id AND l.contact_id <> d.primary_contact_id"""
_PARTIES = f"""
    SELECT d.primary_contact_id AS contact_id, d.id AS deal_id, d."group" AS grp, d.closed_at
    FROM deals_deal d
    UNION ALL
    SELECT d.company_id, d.id, d."group", d.closed_at FROM deals_deal d
    WHERE d.company_id <> d.primary_contact_id
    UNION ALL {_COWORKERS}"""

INSERT_PARTIES = f"""
    INSERT INTO deals_dealparty (deal_id, contact_id, kept)
    SELECT deal_id, contact_id, (1 = 0) FROM ({_PARTIES}) AS w"""

_COUNTS = """
    COUNT(*) FILTER (WHERE grp = 'active') AS active,
    COUNT(*) FILTER (WHERE grp = 'won') AS won,
    COUNT(*) FILTER (WHERE grp = 'lost') AS lost,
    MAX(closed_at) FILTER (WHERE grp = 'won') AS last_won,
    MAX(closed_at) FILTER (WHERE grp = 'lost') AS last_lost"""
_STORED = """
    SELECT p.contact_id, d."group" AS grp, d.opened_at, d.closed_at
    FROM deals_dealparty p JOIN deals_deal d ON d.id = p.deal_id"""

WRITE_FACTS = f"""
    UPDATE contacts_contact SET active_deals = f.active, won_deals = f.won, lost_deals = f.lost,
        last_won_at = f.last_won, last_lost_at = f.last_lost
    FROM (SELECT contact_id, {_COUNTS} FROM ({_STORED}) AS s GROUP BY contact_id) AS f
    WHERE contacts_contact.id = f.contact_id"""

# What else can be wrong besides parties and facts: a deal's group, an active deal's missing
# company, a star among the associated contacts, a person where a company belongs.
_ELSE = """
    SELECT 'group', d.id FROM deals_deal d JOIN deals_stage s ON s.id = d.stage_id
    WHERE d."group" <> CASE WHEN s.category = 'won' THEN 'won'
        WHEN s.category IN ('lost', 'unqualified') THEN 'lost' ELSE 'active' END
    UNION ALL
    SELECT 'company', d.id FROM deals_deal d JOIN contacts_contact c ON c.id = d.primary_contact_id
    WHERE d."group" = 'active' AND d.company_id IS NULL
        AND (c.is_organization OR c.company_id IS NOT NULL)
    UNION ALL
    SELECT 'star', l.id FROM deals_dealcontact l
    JOIN deals_deal d ON d.id = l.deal_id AND d.primary_contact_id = l.contact_id
    UNION ALL
    SELECT 'tie', t.id FROM (
        SELECT id, company_id AS other FROM contacts_contact WHERE company_id IS NOT NULL
        UNION ALL SELECT id, parent_company_id FROM contacts_contact
        WHERE parent_company_id IS NOT NULL
        UNION ALL SELECT id, company_id FROM deals_deal WHERE company_id IS NOT NULL
    ) AS t WHERE NOT EXISTS (
        SELECT 1 FROM contacts_contact e WHERE e.id = t.other AND e.is_organization)"""

# PostgreSQL is at its best with one pass that pairs and counts at once.
_COMPARE_POSTGRESQL = f"""
    SELECT 'contact', c.id FROM contacts_contact c LEFT JOIN (
        SELECT contact_id, BOOL_OR(wrong) AS wrong, {_COUNTS}
        FROM (
            SELECT COALESCE(w.contact_id, p.contact_id) AS contact_id,
                COALESCE(w.grp, 'won') AS grp, w.closed_at,
                w.deal_id IS NULL AND NOT p.kept OR p.deal_id IS NULL
                    OR p.kept AND w.deal_id IS NOT NULL AS wrong
            FROM ({_PARTIES}) AS w
            FULL JOIN deals_dealparty p ON p.contact_id = w.contact_id AND p.deal_id = w.deal_id
        ) AS x GROUP BY contact_id
    ) AS f ON f.contact_id = c.id
    WHERE f.wrong OR c.active_deals <> COALESCE(f.active, 0) OR c.won_deals <> COALESCE(f.won, 0)
        OR c.lost_deals <> COALESCE(f.lost, 0) OR c.last_won_at IS DISTINCT FROM f.last_won
        OR c.last_lost_at IS DISTINCT FROM f.last_lost
    UNION ALL {_ELSE}"""

# SQLite joins by looking up, and its FULL JOIN does not end: it looks whether each stored party is
# one, and whether there are as many as there should be.
_COMPARE_SQLITE = f"""
    SELECT 'contact', c.id FROM contacts_contact c LEFT JOIN (
        SELECT contact_id, MAX(wrong) AS wrong, {_COUNTS}
        FROM (
            SELECT p.contact_id, d."group" AS grp, d.closed_at,
                NOT (p.contact_id = d.primary_contact_id
                    OR p.contact_id = COALESCE(d.company_id, 0)
                    OR EXISTS (
                        SELECT 1 FROM deals_dealcontact l JOIN contacts_contact w
                        ON w.id = l.contact_id AND w.company_id = d.company_id
                        WHERE l.deal_id = p.deal_id AND l.contact_id = p.contact_id)
                ) <> p.kept AS wrong
            FROM deals_dealparty p JOIN deals_deal d ON d.id = p.deal_id
        ) GROUP BY contact_id
    ) AS f ON f.contact_id = c.id
    WHERE f.wrong OR c.active_deals <> COALESCE(f.active, 0) OR c.won_deals <> COALESCE(f.won, 0)
        OR c.lost_deals <> COALESCE(f.lost, 0) OR c.last_won_at IS NOT f.last_won
        OR c.last_lost_at IS NOT f.last_lost
    UNION ALL
    SELECT 'missing', n FROM (
        SELECT (SELECT COUNT(*) FROM deals_deal)
            + (SELECT COUNT(*) FROM deals_deal WHERE company_id <> primary_contact_id)
            + (SELECT COUNT(*) FROM ({_COWORKERS}))
            - (SELECT COUNT(*) FROM deals_dealparty WHERE NOT kept) AS n) WHERE n <> 0
    UNION ALL {_ELSE}"""


def prepare(raw: Raw) -> None:
    """Give the session what big joins like, as somebody would who does this by hand."""
    if raw.vendor == "postgresql":
        raw.run("SET jit = off")
        raw.run("SET work_mem = '64MB'")


def compare(raw: Raw) -> list[tuple[object, ...]]:
    """All that is stored otherwise than a recount gives, in one statement."""
    return raw.rows(_COMPARE_POSTGRESQL if raw.vendor == "postgresql" else _COMPARE_SQLITE)


# Contacts whose facts change, with the dates that their history needs.
_CHANGING = f"""
    SELECT f.*, c.prospect_status AS prospect_old, c.customer_status AS customer_old,
        CASE WHEN f.active > 0 THEN f.active_since WHEN f.won = 0 THEN f.lost_since END
            AS prospect_since,
        CASE WHEN f.won = 0 THEN NULL WHEN c.customer_mark = '' THEN f.won_since
        WHEN c.customer_marked_at < f.last_won THEN (
            SELECT MIN(s.closed_at) FROM deals_dealparty p JOIN deals_deal s ON s.id = p.deal_id
            WHERE p.contact_id = c.id AND s."group" = 'won' AND s.closed_at > c.customer_marked_at)
        END AS customer_since
    FROM contacts_contact c JOIN (
        SELECT contact_id, {_COUNTS},
            MIN(opened_at) FILTER (WHERE grp = 'active') AS active_since,
            MAX(closed_at) FILTER (WHERE grp = 'lost') AS lost_since,
            MIN(closed_at) FILTER (WHERE grp = 'won') AS won_since
        FROM ({_STORED}) AS s GROUP BY contact_id
    ) AS f ON f.contact_id = c.id
    WHERE c.active_deals <> f.active OR c.won_deals <> f.won OR c.lost_deals <> f.lost
        OR c.last_won_at {{differs}} f.last_won OR c.last_lost_at {{differs}} f.last_lost"""
_UPDATE = """
    UPDATE contacts_contact SET active_deals = f.active, won_deals = f.won, lost_deals = f.lost,
        last_won_at = f.last_won, last_lost_at = f.last_lost,
        prospect_since = COALESCE(f.prospect_since, contacts_contact.prospect_since),
        customer_since = COALESCE(f.customer_since, contacts_contact.customer_since)
    FROM changing AS f WHERE contacts_contact.id = f.contact_id"""
_HISTORY = """
    INSERT INTO contacts_statuschange (contact_id, status, old, new, effective_at, recorded_at,
        cause, deal_name, stage_name, stage_category)"""


def recount(raw: Raw) -> None:
    """The comparison as an UPDATE of what differs, and one INSERT of the history."""
    with raw.transaction():
        if raw.vendor == "postgresql":
            raw.run(
                f"""WITH changing AS ({_CHANGING.format(differs="IS DISTINCT FROM")}),
                u AS ({_UPDATE} RETURNING contacts_contact.id, prospect_old, customer_old,
                    prospect_status, customer_status, contacts_contact.prospect_since,
                    contacts_contact.customer_since)
                {_HISTORY}
                SELECT u.id, h.status, h.old, h.new, h.since, now(), 'recounted', '', '', ''
                FROM u CROSS JOIN LATERAL (VALUES
                    ('prospect', prospect_old, prospect_status, prospect_since),
                    ('customer', customer_old, customer_status, customer_since)
                ) AS h(status, old, new, since) WHERE h.old <> h.new"""
            )
            return
        raw.run(f"CREATE TEMP TABLE changing AS {_CHANGING.format(differs='IS NOT')}")
        raw.run(_UPDATE)
        arms = " UNION ALL ".join(
            f"""SELECT c.id, '{kind}', f.{kind}_old, c.{kind}_status, c.{kind}_since,
            datetime('now'), 'recounted', '', '', '' FROM changing f
            JOIN contacts_contact c ON c.id = f.contact_id
            WHERE f.{kind}_old <> c.{kind}_status"""
            for kind in ("prospect", "customer")
        )
        raw.run(f"{_HISTORY} {arms}")
        raw.run("DROP TABLE changing")
