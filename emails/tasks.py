from django.tasks import task

from crm.actor import said_to_come_from


@task()
def send(sender_id: int, slot: int) -> bool:
    """Send over one of a sender's connections for a while; whether that left more to do."""
    from emails.sending import slices, ticking

    with said_to_come_from("worker"):
        is_more = slices.work(sender_id, slot)
        if is_more:
            ticking.go_on(sender_id, slot)
        return is_more


@task()
def start_scheduled(mailing_id: int) -> bool:
    """Start a mailing whose time has come; whether it was started by that."""
    from emails.sending import control

    with said_to_come_from("worker"):
        return control.start_scheduled(mailing_id)
