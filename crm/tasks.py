from django.tasks import task

from crm import nightly
from crm.actor import said_to_come_from


@task()
def run_nightly(run_id: int) -> bool:
    """True when the job found all well."""
    with said_to_come_from("worker"):
        return nightly.run(run_id)
