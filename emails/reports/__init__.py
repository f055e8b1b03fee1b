"""What comes back of mails that were sent: delivery reports, complaints, and mails that ask to be taken off.

``anatomy`` takes a message apart, ``reading`` and ``dialects`` say what it reports, ``verdicts`` what that means for
the address, and ``taking`` finds out whether it is about a mail of ours and acts on it. They arrive in a mailbox
(``mailbox``) or by the webhook of a provider (``provider``).
"""
