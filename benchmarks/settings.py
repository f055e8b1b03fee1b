"""The product's settings, with the environment's DATABASE_URL and nobody's .env."""

import os

os.environ["STANDING_DOTENV"] = os.devnull

from crm.settings import *  # noqa: F403

# As in production: asking the disk for each request whether it is for a static file would be in
# the page and in its limit, and bring the two closer than they are.
WHITENOISE_AUTOREFRESH = False
WHITENOISE_USE_FINDERS = False
# Some folder that is there: nothing is collected, and no benchmark asks for a file.
STATIC_ROOT = BASE_DIR / "crm" / "static"  # noqa: F405
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "benchmarks.urls"
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates", BASE_DIR / "benchmarks" / "templates"]  # noqa: F405
