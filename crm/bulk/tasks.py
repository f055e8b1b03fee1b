from django.tasks import task

from crm.actor import said_to_come_from
from crm.bulk import work


@task()
def work_off_run(run_id: int) -> None:
    with said_to_come_from("worker"):
        work.work_off(run_id)
