from django.tasks import task

from crm.accounts.resets import mail_reset


@task()
def mail_reset_link(address: str, site: str, language: str) -> int:
    """The number of mails sent; the address of the site is given without a slash at its end."""
    return mail_reset(address, site, language)
