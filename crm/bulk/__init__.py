"""Acting on many records: a run freezes what it is about, and works it off in chunks.

``actions`` says what an action is, ``services`` starts runs and halts, resumes and undoes them,
``work`` works them off, in the request or in a worker. ``pages`` and ``views`` are what people see.
"""
