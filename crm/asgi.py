import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
# Before the settings are read: a page must give up early on a slow query, a command must not.
os.environ.setdefault("STANDING_PROCESS", "web")

application = get_asgi_application()
