from django.tasks import task

from crm.bulk import work


@task()
def work_off_run(run_id: int) -> None:
    work.work_off(run_id)
