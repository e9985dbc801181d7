"""The web face, for any WSGI server."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
application = get_wsgi_application()

# What is loaded now stays for good: a collector that walked it again and again made every eighth answer of a
# large page twice as slow (`benches/fleet_pages.py`).
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
