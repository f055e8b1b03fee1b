from django.conf.locale.de.formats import *  # noqa: F403
