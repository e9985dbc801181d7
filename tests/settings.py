"""The product's settings with a home of its own: keys, database and state go when the run does.

`tests.production.suite` says by the environment that the rows are to be in PostgreSQL, and then all else is
as in production too.
"""

import atexit
import os
import shutil
import tempfile

from tests.production.keys import given_keys

HOME = tempfile.mkdtemp(prefix="argosy-test-home-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ["ARGOSY_HOME"] = HOME
os.environ.setdefault("ARGOSY_LOG_LEVEL", "WARNING")
for variable in ("ARGOSY_DATABASE_URL", "ARGOSY_BROKER_URL", "ARGOSY_URL"):
    os.environ.pop(variable, None)

PRODUCTION = {
    "ARGOSY_DATABASE_URL": os.environ.get("ARGOSY_TEST_DATABASE_URL", ""),
    "ARGOSY_BROKER_URL": os.environ.get("ARGOSY_TEST_BROKER_URL", ""),
    **given_keys(),
}
ON_POSTGRESQL = bool(PRODUCTION["ARGOSY_DATABASE_URL"])
if ON_POSTGRESQL:
    os.environ.update(PRODUCTION)

from controlplane.settings import *  # noqa: E402, F403

# What a test starts has its own environment: another database, or a platform of its own.
for variable in PRODUCTION if ON_POSTGRESQL else ():
    del os.environ[variable]

# What people type, hashed fast: the tests are not about the hash.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Each test's client would look through all the files anew, a fifth of a second; a browser is given them.
WHITENOISE_USE_FINDERS = False
