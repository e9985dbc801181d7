"""The Celery application: which tasks there are and what runs by the clock."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

app = Celery("argosy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["provisioning"])


@app.on_after_finalize.connect
def by_the_clock(sender: Celery, **_: object) -> None:
    """The sweep and the probes."""
    from provisioning import tasks  # noqa: PLC0415 - Django's apps must be loaded first

    sender.add_periodic_task(tasks.SWEEP_EVERY.total_seconds(), tasks.sweep.s(), name="sweep")
    sender.add_periodic_task(
        tasks.PROBE_EVERY.total_seconds(), tasks.probe_clusters.s(), name="probe"
    )
