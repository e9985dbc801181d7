"""The product's settings with a home of its own: keys, database and state go when the run does."""

import atexit
import os
import shutil
import tempfile

HOME = tempfile.mkdtemp(prefix="argosy-test-home-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ["ARGOSY_HOME"] = HOME
os.environ.setdefault("ARGOSY_LOG_LEVEL", "WARNING")
for variable in ("ARGOSY_DATABASE_URL", "ARGOSY_BROKER_URL", "ARGOSY_URL"):
    os.environ.pop(variable, None)

from controlplane.settings import *  # noqa: E402, F403

# What people type, hashed fast: the tests are not about the hash.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Each test's client would look through all the files anew, a fifth of a second; a browser is given them.
WHITENOISE_USE_FINDERS = False
