"""Every setting, from the environment alone: what is missing or malformed stops the process here.

A variable `NAME` may be given as a file, `NAME_FILE`, which is how secrets are mounted. In embedded mode
(no `ARGOSY_DATABASE_URL`) the keys are made once under the home folder, readable by its owner only.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from controlplane import environment as env
from controlplane.advisories.lookup import refusal
from controlplane.advisories.table import argo_workflows
from controlplane.desk.look import UNFOLD  # noqa: F401 - unfold's own settings

# Django's generic classes, such as ModelAdmin[Team], exist at run time too.
django_stubs_ext.monkeypatch()

HOME = env.folder("ARGOSY_HOME", default=".argosy")
EMBEDDED = not env.given("ARGOSY_DATABASE_URL")
DEBUG = env.switch("ARGOSY_DEBUG", default=False)

SECRET_KEY = env.key("ARGOSY_SECRET_KEY", made_in=HOME / "keys" if EMBEDDED else None)
# Several keys, newest first, separated by commas: the first one writes, all of them read.
ENCRYPTION_KEYS = env.fernet_keys(
    "ARGOSY_ENCRYPTION_KEYS", made_in=HOME / "keys" if EMBEDDED else None
)
# What clusters believe their image policies by; agents are given its public half.
BUNDLE_KEY = env.ed25519_key("ARGOSY_BUNDLE_KEY", made_in=HOME / "keys" if EMBEDDED else None)

BASE_URL = env.text("ARGOSY_URL", default="http://127.0.0.1:8080")
ALLOWED_HOSTS = env.words(
    "ARGOSY_ALLOWED_HOSTS",
    default=["127.0.0.1", "localhost", "[::1]", urlsplit(BASE_URL).hostname or ""],
)
CSRF_TRUSTED_ORIGINS = [BASE_URL]

ROOT_URLCONF = "controlplane.urls"
WSGI_APPLICATION = "controlplane.wsgi.application"
AUTH_USER_MODEL = "identity.User"

INSTALLED_APPS = [
    "controlplane.desk",
    "unfold.apps.BasicAppConfig",
    "controlplane.desk.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "simple_history",
    "controlplane.audit",
    "controlplane.identity",
    "controlplane.clusters",
    "tenants",
    "provisioning",
    "controlplane.access",
    "controlplane.placement",
    "controlplane.index",
    "controlplane.bookmarks",
    "controlplane.policies",
    "controlplane.secrets",
    "controlplane.metrics",
    "controlplane.console",
]

MIDDLEWARE = [
    "controlplane.metrics.counting.CountRequests",
    "controlplane.audit.middleware.Acting",
    "django.middleware.security.SecurityMiddleware",
    "controlplane.static_files.Compressed",
    "controlplane.headers.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "controlplane.console.presence.Vouched",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlplane.console.frame.context",
            ]
        },
    }
]

DATABASES = {"default": env.database("ARGOSY_DATABASE_URL", sqlite=HOME / "argosy.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "controlplane.identity.sign_on.ProviderSignOn",
    "controlplane.identity.standing.PlatformStanding",
]
# The identity provider, where there is one; without it people have local accounts alone. Names that begin
# with OIDC_ are mozilla-django-oidc's where it has one. How the two talk: `identity.sign_on`.
OIDC_ISSUER = env.issuer("ARGOSY_OIDC_ISSUER")
OIDC_RP_CLIENT_ID = env.text("ARGOSY_OIDC_CLIENT_ID", default=None if OIDC_ISSUER else "")
OIDC_RP_CLIENT_SECRET = env.text("ARGOSY_OIDC_CLIENT_SECRET", default=None if OIDC_ISSUER else "")
OIDC_RP_SCOPES = env.text("ARGOSY_OIDC_SCOPES", default="openid profile email")
OIDC_RP_SIGN_ALGO = env.one_of(
    "ARGOSY_OIDC_ALGORITHM", ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512")
)
OIDC_GROUPS_CLAIM = env.text("ARGOSY_OIDC_GROUPS_CLAIM", default="groups")
OIDC_NAME = env.text("ARGOSY_OIDC_NAME", default="your identity provider")  # on the button
OIDC_TIMEOUT = env.number("ARGOSY_OIDC_TIMEOUT_SECONDS", default=10)
OIDC_CLOCK_SKEW = env.number("ARGOSY_OIDC_CLOCK_SKEW_SECONDS", default=60)
OIDC_AUTHENTICATION_CALLBACK_URL = "console:from-provider"
OIDC_USE_PKCE = OIDC_USE_NONCE = True
OIDC_MAX_STATES = 5  # sign-ins begun in one browser and not yet ended

# Passwords are not to be guessed, by whichever door: after so many wrong ones for a name from one
# address, that address waits. Others are let in by that name meanwhile, or guessing would lock people out.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "controlplane.console.sign_in.locked_out"
AXES_SENSITIVE_PARAMETERS = ["password"]
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # identity.admin shows what it keeps, in the desk's own way

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "controlplane.desk.formats"
STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
if EMBEDDED:
    # Password hashes and sessions are in the database there: nobody else on the machine reads it.
    HOME.chmod(0o700)
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = False  # TLS ends before us; the address we are known by decides the cookies
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "controlplane.console.sign_in.stale"
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # see SECURE_SSL_REDIRECT
LOGIN_URL = "console:sign-in"
LOGIN_REDIRECT_URL = "console:home"
LOGOUT_REDIRECT_URL = "console:sign-in"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "controlplane.identity.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "controlplane.api.paging.Pages",
    "PAGE_SIZE": 100,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "controlplane.api.errors.answer",
    "DEFAULT_THROTTLE_RATES": {"login": "20/min"},
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Argosy",
    "DESCRIPTION": "Namespaces with an isolated Argo Workflows, asked for, approved, and made so.",
    "VERSION": "v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "RequestStateEnum": "tenants.models.RequestState",
        "ExemptionStateEnum": "controlplane.policies.models.ExemptionState",
        "ViolationStateEnum": "controlplane.policies.models.Sight",
    },
}

# Who a person is to the platform, by the groups a provider's claim (or a local account) carries.
ADMIN_GROUP = env.text("ARGOSY_ADMIN_GROUP", default="argosy-admins")
APPROVER_GROUP = env.text("ARGOSY_APPROVER_GROUP", default="argosy-approvers")
AUDITOR_GROUP = env.text("ARGOSY_AUDITOR_GROUP", default="argosy-auditors")

# How long the identity provider may be silent about somebody who is here: then they may look and change
# nothing; then they are out. Counted from its last yes.
RECHECK_GRACE = timedelta(minutes=env.number("ARGOSY_RECHECK_GRACE_MINUTES", default=10))
RECHECK_OUT = timedelta(minutes=env.number("ARGOSY_RECHECK_OUT_MINUTES", default=60))
if RECHECK_OUT < RECHECK_GRACE:
    raise ImproperlyConfigured(
        "ARGOSY_RECHECK_OUT_MINUTES must not be less than ARGOSY_RECHECK_GRACE_MINUTES"
    )

# The programs and files the loop works with.
CHARTS = env.folder("ARGOSY_CHARTS", default=str(Path(__file__).resolve().parents[2] / "charts"))
HELM = env.text("ARGOSY_HELM", default="")  # empty: the local cluster's own
ARGO_VERSION = env.text("ARGOSY_ARGO_VERSION", default="v4.1.2")
if forbidden := refusal(ARGO_VERSION, argo_workflows()):
    raise ImproperlyConfigured(f"ARGOSY_ARGO_VERSION: {forbidden}")
ARGO_CONTROLLER_IMAGE = env.text(
    "ARGOSY_ARGO_CONTROLLER_IMAGE", default="quay.io/argoproj/workflow-controller"
)
ARGO_EXECUTOR_IMAGE = env.text("ARGOSY_ARGO_EXECUTOR_IMAGE", default="quay.io/argoproj/argoexec")

# Argo's own server for teams. The console's provider (`OIDC_…` above) vouches for people there too: it must
# say groups, and by which way it does is said here (`token` or `userinfo`); until then no rule is written.
ARGO_SERVER_IMAGE = env.text("ARGOSY_ARGO_SERVER_IMAGE", default="")  # argocli; empty: no servers
ARGO_SERVER_HOST = env.text("ARGOSY_ARGO_SERVER_HOST", default="")  # {namespace}.{cluster}.argo.…
ARGO_SERVER_INGRESS_CLASS = env.text("ARGOSY_ARGO_SERVER_INGRESS_CLASS", default="nginx")
ARGO_SERVER_INGRESS_NAMESPACE = env.text(
    "ARGOSY_ARGO_SERVER_INGRESS_NAMESPACE", default="ingress-nginx"
)
ARGO_GROUPS_FROM = env.text("ARGOSY_ARGO_GROUPS_FROM", default="")
ARGO_USERINFO_PATH = env.text("ARGOSY_ARGO_USERINFO_PATH", default="/userinfo")
ARGO_SSO_CA = env.text(
    "ARGOSY_ARGO_SSO_CA", default=""
)  # PEM, where the provider's is no public one
ARGO_SSO_NETWORKS = env.words("ARGOSY_ARGO_SSO_NETWORKS", default=["0.0.0.0/0", "::/0"])
ARGO_SESSION_MINUTES = env.number("ARGOSY_ARGO_SESSION_MINUTES", default=60)

# How long an image may be exempted from its team's policy, and a cluster's webhook be away.
EXEMPTION_DAYS = env.number("ARGOSY_EXEMPTION_DAYS", default=90)
STAND_DOWN_HOURS = env.number("ARGOSY_STAND_DOWN_HOURS", default=24)

# In which networks teams' artifact stores and databases are, as 10.20.0.0/16. Without any, no team's pods
# reach one, and a secret is tried at public addresses alone, or by a platform of one machine near it.
STORE_NETWORKS = env.networks("ARGOSY_STORE_NETWORKS")
# Where the audit's head is written beside the log: a file that is only appended to, and who is told of it.
AUDIT_HEADS_FILE = env.text("ARGOSY_AUDIT_HEADS_FILE", default="")
AUDIT_WEBHOOK = env.web_address("ARGOSY_AUDIT_WEBHOOK", default="")
# The role that web and workers come by, where another one migrates and owns the tables. `argosy migrate`
# gives it its rights: of what is recorded it may read and add, and change nothing.
DATABASE_ROLE = env.text("ARGOSY_DATABASE_ROLE", default="")
# How long a person's credential for a cluster is good at most: one that cannot be taken back, since its
# cluster does not answer, opens it for as long.
KUBECONFIG_MINUTES = env.number("ARGOSY_KUBECONFIG_MINUTES", default=60, least=10, most=480)

# The metrics engine, anything that speaks the Prometheus API; without one `argosy up` starts its own. And
# what a scraper of the platform's own figures shows; without one it is made of the secret key.
METRICS_URL = env.text("ARGOSY_METRICS_URL", default="")
METRICS_ENGINE_TOKEN = env.text("ARGOSY_METRICS_ENGINE_TOKEN", default="")
METRICS_TOKEN = env.text("ARGOSY_METRICS_TOKEN", default="")

CELERY_BROKER_URL = env.broker("ARGOSY_BROKER_URL", embedded=EMBEDDED)
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # A polling broker looks this often; with the default of a second every task would start late.
    {"polling_interval": 0.02}
    if CELERY_BROKER_URL.startswith("memory:")
    else {
        # One try and no waiting for who publishes: the sweep comes every 30 s anyway.
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
        # A broker that hangs is as good as away.
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        # What a killed worker had taken is another's after this. No turn is as long.
        "visibility_timeout": 300,
    }
)
CELERY_BROKER_CONNECTION_TIMEOUT = 2.0
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_CONCURRENCY = env.number("ARGOSY_WORKERS", default=16)
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a broker that was away for a night comes back too
CELERY_TASK_PUBLISH_RETRY = False  # a broker that is down must not hold a person's click

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"database": {"()": "controlplane.log_lines.DatabaseInOneLine"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["database"]}
    },
    "root": {"handlers": ["stderr"], "level": env.text("ARGOSY_LOG_LEVEL", default="INFO")},
    "loggers": {
        # Its command lines hold values; ours is the line per turn.
        "pyhelm3": {"level": "ERROR"},
        "celery": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
    },
}
