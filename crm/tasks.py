from django.tasks import task

from crm import nightly


@task()
def run_nightly(run_id: int) -> bool:
    """True when the job found all well."""
    return nightly.run(run_id)
