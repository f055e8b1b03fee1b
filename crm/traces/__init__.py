"""Pages of what is kept: the audit log, and all that is kept of one person.

Above every other room, because both look into all of them.
"""
