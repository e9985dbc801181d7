"""The Celery application: which tasks there are and what runs by the clock."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

app = Celery("argosy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["provisioning", "controlplane.policies"])


@app.on_after_finalize.connect
def by_the_clock(sender: Celery, **_: object) -> None:
    """The sweep, the probes and the looks after policies."""
    # Django's apps must be loaded first.
    from controlplane.policies import tasks as policies  # noqa: PLC0415
    from provisioning import tasks  # noqa: PLC0415

    sender.add_periodic_task(tasks.SWEEP_EVERY.total_seconds(), tasks.sweep.s(), name="sweep")
    sender.add_periodic_task(
        tasks.PROBE_EVERY.total_seconds(), tasks.probe_clusters.s(), name="probe"
    )
    sender.add_periodic_task(
        policies.LOOK_EVERY.total_seconds(), policies.look_at_policies.s(), name="policies"
    )
