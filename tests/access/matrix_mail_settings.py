"""The access matrix, fourth part: Settings › Mail, for administrators alone."""

from __future__ import annotations

from tests.access.matrix import administrators, both, get, made, nothing, post, sending

SENDER, SUPPRESSED = made(pk="sender"), made(pk="suppressed")

both("emails:mail_settings", administrators,
     sending(postal_address="Example Street 1", colour="#066fd1", clicks="off", bounces_at_most="4",
             complaints_at_most="0.2"))  # fmt: skip
get("emails:addresses", administrators)
post("emails:address_block", administrators, data=sending(address="blocked@example.org"))
both("emails:address_lift(pk)", administrators, sending(reason="They asked"), arguments=SUPPRESSED)
get("emails:reports", administrators)

get("emails:senders", administrators)
get("emails:sender(pk)", administrators, arguments=SENDER)
post("emails:sender_check(pk)", administrators, arguments=SENDER)
post("emails:sender_test(pk)", administrators, arguments=SENDER, writes=False)
# These ask an administrator for the password first.
both("emails:sender_new", administrators, sending(name="x", address="x@example.org"), writes=False)
both("emails:sender_edit(pk)", administrators, sending(name="x"), arguments=SENDER, writes=False)
post("emails:sender_switch(pk)", administrators, arguments=SENDER, writes=False)
both("emails:sender_delete(pk)", administrators, nothing, arguments=SENDER, writes=False)
