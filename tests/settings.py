"""The product's own settings over a scratch directory and, on request, a real PostgreSQL.

TEST_DATABASE=sqlite (default) or postgres. Nothing of the developer's environment shines through.
"""

import atexit
import os
import shutil
import tempfile

for _name in (
    "REDIS_URL", "DATABASE_URL", "S3_BUCKET", "HTTP_PROXY", "http_proxy", "PORT", "DERMATECH_ENV", "DEBUG",
    "EMAIL_URL", "TRUSTED_PROXIES", "ADMIN_TOTP", "ADMIN_PROOF_SECONDS",
    "ACCOUNT_LIMITS", "REGISTRATION_NUMBER_PATTERNS", "CONFIRMED_EMAIL_REQUIRED", "LOG_FORMAT", "LOG_LEVEL",
):  # fmt: skip
    os.environ.pop(_name, None)
_SCRATCH = tempfile.mkdtemp(prefix="dermatech-tests-")
atexit.register(shutil.rmtree, _SCRATCH, ignore_errors=True)
os.environ["DATA_DIR"] = _SCRATCH
if os.environ.get("TEST_DATABASE", "sqlite") == "postgres":
    from tests.services import postgres

    os.environ["DATABASE_URL"] = postgres.ensure()

from dermatech.settings import *  # noqa: E402, F403

# Cheap hashes first: what is tested about Argon2 names it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", "accounts.hashers.Argon2idHasher"]
# Tests sign people in without a form (`force_login`); what asks again who sits there switches it on.
ADMIN_PROOF_SECONDS = 0
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Each test client builds the middleware anew; WhiteNoise would list 1,300 static files each time.
WHITENOISE_AUTOREFRESH = True
