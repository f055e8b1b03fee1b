"""Lists of records: what contacts and deals have in common when they are listed.

A list is a declaration: a ``RecordFilterSet`` says what may be asked for, a ``RecordTable`` which columns there are and
how they sort, a ``RecordListView`` puts them together. The state of a list is its address.
"""
