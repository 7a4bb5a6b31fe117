"""All settings, read from the environment once, strictly.

`DERMATECH_ENV` is `development` (the default: one machine, everything under `DATA_DIR`, secrets
generated there on first use) or `production` (every secret must be given). Any variable `NAME`
may be given as `NAME_FILE`, the path of a file that holds the value.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from dermatech import theme
from dermatech.core import env as strict
from dermatech.core.localdata import development_secret, socket_path

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

ENVIRONMENT = strict.choice("DERMATECH_ENV", ("development", "production"), default="development")
PRODUCTION = ENVIRONMENT == "production"
DEBUG = strict.boolean("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data"))).expanduser().resolve()
if not PRODUCTION:
    DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)


def _secret(name: str) -> str:
    """A secret from the environment; in development one generated under DATA_DIR."""
    value = env.str(name, default="")
    if value:
        return str(value)
    if PRODUCTION:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) must be set in production.")
    return development_secret(DATA_DIR, name)


SECRET_KEY = _secret("SECRET_KEY")
# Signs access tokens; the second key, where given, is still accepted while keys are rotated.
JWT_SIGNING_KEY = _secret("JWT_SIGNING_KEY")
JWT_PREVIOUS_KEY: str = env.str("JWT_PREVIOUS_KEY", default="")
# AES-256 keys, urlsafe base64, as "id:key[,id:key]": the first encrypts, all decrypt.
FIELD_KEYS = _secret("FIELD_KEYS")
# Ed25519 seed, urlsafe base64, that signs audit checkpoints and the offline bundle.
AUDIT_SIGNING_KEY = _secret("AUDIT_SIGNING_KEY")
AUDIT_ORIGIN: str = env.str("AUDIT_ORIGIN", default="dermatech.example/audit")

ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/"
CORS_EXPOSE_HEADERS = [
    "ETag", "Location", "Retry-After", "X-Request-ID", "Idempotency-Replayed", "Content-Language",
    "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
    "Upload-Offset", "Upload-Length", "Upload-Expires", "Upload-Metadata", "Upload-Image", "Upload-Analysis",
]  # fmt: skip
CORS_ALLOW_HEADERS = [
    *default_headers, "idempotency-key", "if-match", "if-none-match", "prefer", "x-request-id",
    "tus-resumable", "upload-offset", "upload-length", "upload-metadata", "upload-checksum",
    "x-http-method-override",
]  # fmt: skip

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "unfold.contrib.simple_history",
    "dermatech.admin.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "django_filters",
    "django_prometheus",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "rest_framework",
    "simple_history",
    "accounts",
    "triage",
    "medications",
    "consultations",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "csp.middleware.CSPMiddleware",  # outside: reads what the next one allows a page
    "dermatech.core.middleware.RequestContextMiddleware",
    "accounts.audit.receipts.CheckpointHeaderMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "dermatech.urls"
WSGI_APPLICATION = "dermatech.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "dermatech" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database -----------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'dermatech.sqlite3'}")
}
_db = DATABASES["default"]
if _db["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a read that turns into a write must not fail with "database is locked".
    _db["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000; "
            "PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON;"
        ),
    }
else:
    _db["CONN_MAX_AGE"] = strict.integer("DATABASE_CONN_MAX_AGE", default=60, low=0, high=3600)
    _db["CONN_HEALTH_CHECKS"] = True
    # Connections that the threads of one web process share; 0 gives each thread its own.
    DATABASE_POOL_SIZE = strict.integer("DATABASE_POOL_SIZE", default=0, low=0, high=100)
    _db["OPTIONS"] = {
        **_db.get("OPTIONS", {}),
        "options": "-c statement_timeout=30000 -c lock_timeout=10000 -c timezone=UTC",
    }
    if DATABASE_POOL_SIZE:
        _db["CONN_MAX_AGE"] = 0
        _db["OPTIONS"]["pool"] = {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 5}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis, Celery ------------------------------------------------------------------------------
REDIS_SOCKET = socket_path(DATA_DIR)
REDIS_URL: str = env.str("REDIS_URL", default=f"unix://{REDIS_SOCKET}?db=0")
REDIS_IS_EMBEDDED = "REDIS_URL" not in os.environ and "REDIS_URL_FILE" not in os.environ
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "dermatech",
        "OPTIONS": {"socket_connect_timeout": 0.3, "socket_timeout": 0.5},
    }
}
# Imported by the first who sends a task.
TASK_APPLICATION = "dermatech.celery.app"
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = strict.integer("WORKER_CONCURRENCY", default=2, low=1, high=64)
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
# An analysis that hangs is told so, and ended 20 s later. What one process of the worker may have of memory.
CELERY_TASK_SOFT_TIME_LIMIT = strict.integer("ANALYSIS_SECONDS", default=100, low=2, high=100)
CELERY_TASK_TIME_LIMIT = CELERY_TASK_SOFT_TIME_LIMIT + min(20, CELERY_TASK_SOFT_TIME_LIMIT)
WORKER_MEMORY_MB = strict.integer("WORKER_MEMORY_MB", default=3_000, low=500, high=100_000)
CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_ENABLE_UTC = True
# A frozen broker must cost the caller less than a second; the sweeper finds what was not sent.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,  # longer than CELERY_TASK_TIME_LIMIT
    "socket_connect_timeout": 0.5,
    "socket_timeout": 0.7,
    "max_retries": 0,
    "queue_order_strategy": "priority",  # in the order of --queues: who waits at a counter comes first
}

# --- Storage ------------------------------------------------------------------------------------
MEDIA_ROOT = DATA_DIR / "media"
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))
S3_BUCKET: str = env.str("S3_BUCKET", default="")
# A store that hangs must not hold a request: two tries of a few seconds, then the caller gets 503.
S3_TIMEOUT_SECONDS = strict.number("S3_TIMEOUT_SECONDS", default=4, low=0.2, high=60)


def _s3() -> dict[str, Any]:
    """The object store; its client is imported only where one is used."""
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.str("S3_ENDPOINT_URL", default="") or None,
            "region_name": env.str("S3_REGION", default="") or None,
            "access_key": env.str("S3_ACCESS_KEY", default="") or None,
            "secret_key": env.str("S3_SECRET_KEY", default="") or None,
            "default_acl": None,
            "querystring_auth": True,
            "querystring_expire": 120,
            "file_overwrite": False,
            "object_parameters": {"CacheControl": "private, max-age=86400"},
            "client_config": Config(
                signature_version="s3v4",
                connect_timeout=S3_TIMEOUT_SECONDS,
                read_timeout=S3_TIMEOUT_SECONDS,
                retries={"mode": "standard", "total_max_attempts": 2},
            ),
            # Photos have two megabytes at most: one request each, without threads.
            "transfer_config": TransferConfig(use_threads=False),
        },
    }


_FOLDER = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {
        "location": str(MEDIA_ROOT),
        "base_url": None,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    },
}
STORAGES: dict[str, dict[str, Any]] = {
    "default": _s3() if S3_BUCKET else _FOLDER,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if not PRODUCTION:
    # Static files straight from the packages: no collectstatic step while developing.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    WHITENOISE_AUTOREFRESH = DEBUG
# After how many days `apply_retention` takes pictures away; 0 keeps them.
PHOTO_RETENTION_DAYS = strict.integer("PHOTO_RETENTION_DAYS", default=0, low=0, high=36_500)
PHOTO_MAX_UPLOAD_BYTES = 10_000_000
PHOTO_MAX_PER_CONSULTATION = 5
# Of all photos that are sent in parts and not complete yet.
UPLOADS_MAX_BYTES = strict.integer("UPLOADS_MAX_BYTES", default=2_000_000_000, low=10_000_000, high=10**13)
# What is stored: fewer bytes, this many pixels along the longer edge, SSIM above the floor, and above
# the aim where light allows. Stricter than promised is allowed, laxer is not.
PHOTO_MAX_BYTES = strict.integer("PHOTO_MAX_BYTES", default=2_000_000, low=100_000, high=2_000_000)
PHOTO_LONG_EDGE = strict.integer("PHOTO_LONG_EDGE", default=4032, low=1024, high=8192)
PHOTO_SSIM_FLOOR = strict.number("PHOTO_SSIM_FLOOR", default=0.85, low=0.85, high=0.98)
PHOTO_SSIM_AIM = strict.number("PHOTO_SSIM_AIM", default=0.94, low=0.85, high=0.99)
# AES-256 keys as FIELD_KEYS has them; pictures are encrypted at rest as soon as there is one.
PHOTO_KEYS: str = env.str("PHOTO_KEYS", default="")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 65_536
DATA_UPLOAD_MAX_NUMBER_FILES = PHOTO_MAX_PER_CONSULTATION + 1
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000  # a treatment of six regimens has 230

# --- Accounts -----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["accounts.hashers.Argon2idHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "full_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.validators.BreachedPasswordValidator"},
]
# A file of sorted SHA-1s of stolen passwords, as Have I Been Pwned's downloader writes it; empty: none.
BREACHED_PASSWORDS_FILE: str = env.str("BREACHED_PASSWORDS_FILE", default="")
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)
REFRESH_TOKEN_LIFETIME = timedelta(days=30)
# For how long a device may ask again for the answer to a refresh that got lost on the way.
REFRESH_GRACE = timedelta(minutes=2)
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "AUDIENCE": "dermatech-api",
    "ISSUER": "dermatech",
    "TOKEN_TYPE_CLAIM": "typ",
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": False,
}
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL: str = env.str(
    "DEFAULT_FROM_EMAIL", default="DermaTech Ghana <no-reply@dermatech.example>"
)
PUBLIC_URL: str = env.str("PUBLIC_URL", default="")
# JSON: {"login_address": [500, 900]} allows 500 in 900 s; {"pharmacist": "PS/\\d{5}"} says what a
# registration number of a cadre looks like. Names and defaults: accounts.limits, accounts.numbers.
ACCOUNT_LIMITS: dict[str, Any] = env.json("ACCOUNT_LIMITS", default={})
REGISTRATION_NUMBER_PATTERNS: dict[str, str] = env.json("REGISTRATION_NUMBER_PATTERNS", default={})
# Whether a registration is verified only after its address has answered the first letter.
CONFIRMED_EMAIL_REQUIRED = strict.boolean("CONFIRMED_EMAIL_REQUIRED", default=PRODUCTION)

TRUSTED_PROXIES = strict.integer("TRUSTED_PROXIES", default=0, low=0, high=5)

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.AccessTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["dermatech.core.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["dermatech.core.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS tells strangers nothing; preflights never reach a view
    "EXCEPTION_HANDLER": "dermatech.core.handler.problem_handler",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "dermatech.core.negotiation.Negotiation",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": False,
    "NUM_PROXIES": TRUSTED_PROXIES,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "DermaTech Ghana API",
    "DESCRIPTION": (
        "Decision support for skin problems in community pharmacies. It advises, a named human "
        "decides; it may raise urgency on its own, never lower it."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "dermatech.core.openapi.complete_document",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AccountStateEnum": "accounts.roles.AccountState.choices",
        "CadreEnum": "accounts.roles.Cadre.choices",
        "RegionEnum": "accounts.roles.Region.choices",
        "RoleEnum": "accounts.roles.Role.choices",
        "AnalysisStatusEnum": "consultations.models.Status.choices",
        "ConsultationStateEnum": "consultations.models.State.choices",
        "UploadStateEnum": "consultations.models.UploadState.choices",
        "TriageLevelEnum": "consultations.models.TriageLevel.choices",
        "ReviewVerdictEnum": "consultations.models.Verdict.choices",
        "PhotoFormatEnum": "consultations.models.Format.choices",
        "LikelihoodBandEnum": ["likely", "possible", "unlikely"],
        "EvidenceSourceEnum": ["findings", "image", "prior"],
        "DecisionActionEnum": "consultations.serializers.inputs.ACTIONS",
        "OutcomeEnum": "consultations.serializers.inputs.RESULTS",
        "ExclusionEnum": "consultations.serializers.outputs.EXCLUSIONS",
        "AuditActionEnum": "accounts.audit.vocabulary.Action.choices",
        "AuditExportStatusEnum": [
            ("queued", "Waiting"),
            ("running", "Being made"),
            ("ready", "Ready"),
            ("failed", "Failed"),
            ("expired", "Expired"),
        ],
        "DosageFormEnum": "medications.serializers.FORMS",
        "MedicineRouteEnum": "medications.serializers.ROUTES",
        "SearchFieldEnum": ["generic_name", "brand", "name", "atc", "class", "indication"],
        "SearchMatchEnum": ["exact", "prefix", "word", "similar"],
        "BundleKindEnum": ["full", "delta"],
        "SignatureAlgorithmEnum": ["Ed25519"],
        "HealthStateEnum": ["ok", "degraded", "down"],
        "LivenessEnum": ["ok"],
    },
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "displayOperationId": True},
}

# --- Security -----------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# No page of ours asks the browser for any of these; photos come from the app.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
        "microphone", "midi", "payment", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 60 * 60 * 8
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION and strict.boolean("SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^api/v1/health/"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
if strict.boolean("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "style-src": [SELF, UNSAFE_INLINE],
        "script-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "worker-src": [SELF, "blob:"],
    }
}
# The admin theme needs these; nothing else gets them
# (dermatech.core.middleware applies it by path).
CSP_RELAXED_SCRIPT_SRC = [SELF, UNSAFE_INLINE, UNSAFE_EVAL]

# --- Language, time, logs -----------------------------------------------------------------------
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["dermatech.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
# E003 wants unique=True on User.email; ours is unique without regard to case, by a constraint.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]

LOG_FORMAT = strict.choice("LOG_FORMAT", ("json", "console"), default="json" if PRODUCTION else "console")
LOG_LEVEL = strict.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {"()": "dermatech.core.logs.formatter", "style": LOG_FORMAT},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django_structlog": {"level": "INFO"},
        "celery": {"level": "INFO"},
        "kombu": {"level": "WARNING"},
    },
}
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
# The id in META is the one that our middleware checked or made.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
PROMETHEUS_METRIC_NAMESPACE = "dermatech"
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")

# --- Releases of knowledge ----------------------------------------------------------------------
# On how many of the newest consultations a proposed release is tried.
RELEASE_REPLAY_LAST = strict.integer("RELEASE_REPLAY_LAST", default=500, low=0, high=100_000)

# --- Admin --------------------------------------------------------------------------------------
# required: staff enter by a password and an authenticator app, set up at the first sign-in.
# optional: those who have set one up are asked for it.
ADMIN_TOTP = strict.choice(
    "ADMIN_TOTP", ("required", "optional"), default="required" if PRODUCTION else "optional"
)
# Grave acts (exports, erasure, roles) ask again who sits there when the last proof is older; 0 never asks.
ADMIN_PROOF_SECONDS = strict.integer("ADMIN_PROOF_SECONDS", default=300, low=0, high=3600)
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
UNFOLD = theme.UNFOLD
