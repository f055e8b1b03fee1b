"""Taking rows along: what a file's columns are, and files for people, for machines and for Mailchimp.

Nothing here knows a record type. ``contacts.exports`` and ``deals.exports`` say what their columns are called and where
their values come from; the writers take rows of ``values_list()``, some at a time, so that a file of a million rows
costs no more memory than one of a hundred.
"""
