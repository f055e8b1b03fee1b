"""The product's settings with what tests need different."""

import os

# A developer's .env may name a real database; tests use what the command line says, or SQLite.
os.environ["STANDING_DOTENV"] = os.devnull

from crm.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
