import pytest
from django.conf import settings

from crm.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_admin_works_under_the_content_security_policy(live_server, page):
    User.objects.create_superuser("anna", "anna@example.com", "a long password")
    complaints = []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/{settings.ADMIN_PATH}")
    page.fill("#id_username", "anna")
    page.fill("#id_password", "a long password")
    page.press("#id_password", "Enter")
    page.wait_for_selector("#user-tools")
    page.goto(f"{live_server.url}/{settings.ADMIN_PATH}accounts/user/")
    page.click("#result_list tbody th a")
    assert page.input_value("#id_username") == "anna"
    assert complaints == []
