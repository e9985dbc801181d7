"""The Celery application: which tasks there are and what runs by the clock."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

POLICIES_EVERY = 5.0  # seconds
NODES_EVERY = 300.0
SECRETS_EVERY = 5.0
SEAL_EVERY, SEAL_LATE_EVERY = 5.0, 3600.0
# What people have in clusters: whatever is due, and what no event told of.
ACCESS_EVERY = {"follow_due": 5.0, "compare": 20.0}
# Who is here is asked about every 20 to 26 s, by their own time: this is how often it is looked whose came.
RECHECK_EVERY, FORGET_GRANTS_EVERY = 2.0, 3600.0
# What of usage is written down by the clock, and how often: a row an hour is made of many looks.
USAGE_EVERY = {"remember_quotas": 60.0, "remember_missed_runs": 900.0, "forget": 3600.0}

app = Celery("argosy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "provisioning",
        "controlplane.identity",
        "controlplane.access",
        "controlplane.audit",
        "controlplane.policies",
        "controlplane.placement",
        "controlplane.secrets",
        "controlplane.metrics",
    ]
)


@app.on_after_finalize.connect
def by_the_clock(sender: Celery, **_: object) -> None:
    """The sweep, the probes, the looks after what clusters hold of ours, and what teams use."""
    from provisioning import tasks  # noqa: PLC0415 - Django's apps must be loaded first

    sender.add_periodic_task(tasks.SWEEP_EVERY.total_seconds(), tasks.sweep.s(), name="sweep")
    sender.add_periodic_task(
        tasks.PROBE_EVERY.total_seconds(), tasks.probe_clusters.s(), name="probe"
    )
    sender.add_periodic_task(
        tasks.TEND_EVERY.total_seconds(), tasks.tend_bases.s(), name="bases of clusters"
    )
    # By its name: policies are above provisioning, which is sent through this app too.
    look = sender.signature("controlplane.policies.tasks.look_at_policies")
    sender.add_periodic_task(POLICIES_EVERY, look, name="policies")
    for name, seconds in USAGE_EVERY.items():
        task = sender.signature(f"controlplane.metrics.tasks.{name}")
        sender.add_periodic_task(seconds, task, name=f"usage-{name}")
    seal = sender.signature("controlplane.audit.tasks.seal_what_was_recorded")
    sender.add_periodic_task(SEAL_EVERY, seal, name="audit")
    late = seal.clone(kwargs={"thorough": True})
    sender.add_periodic_task(SEAL_LATE_EVERY, late, name="audit of what came late")
    for name, seconds in ACCESS_EVERY.items():
        task = sender.signature(f"controlplane.access.tasks.{name}")
        sender.add_periodic_task(seconds, task, name=f"access-{name}")
    recheck = sender.signature("controlplane.identity.tasks.recheck")
    sender.add_periodic_task(RECHECK_EVERY, recheck, name="recheck", expires=RECHECK_EVERY)
    forget = sender.signature("controlplane.identity.tasks.forget_grants")
    sender.add_periodic_task(FORGET_GRANTS_EVERY, forget, name="forget-grants")
    count = sender.signature("controlplane.placement.tasks.count_all_nodes")
    sender.add_periodic_task(NODES_EVERY, count, name="nodes")
    round_ = sender.signature("controlplane.secrets.tasks.sweep")
    sender.add_periodic_task(SECRETS_EVERY, round_, name="secrets")
