"""Lists of records: what contacts and deals have in common when they are listed.

A registry (``registry``) says which fields there are; conditions (``conditions``) what is asked of them; a state
(``state``) puts both together for one reader and one address. A list is its address; saving one keeps it under a name.
"""
