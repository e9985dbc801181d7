"""Two approvals at the same moment, each on a connection of its own to one database in a file.

Run by `test_at_once` as a program, in a home of its own: the suite's own database lives in memory, where a
second connection is refused instead of made to wait. Prints what became of each approval, as JSON.
"""

import json
import sys
import threading
from decimal import Decimal

from django.core.management import call_command
from django.db import connection

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.placement import services as placement
from tenants import budget, requests
from tenants.models import Request, Team
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    approver,
    filed,
    owner_of,
)

DEADLINE = 60.0


def two_clusters_of_one_team() -> dict[str, object]:
    """A budget for two small ones, of which one is there; and a request on each of two clusters."""
    team = Team.objects.get(pk=TeamFactory(cpu_budget=8).pk)
    asked = [filed(team, name=f"night-{n}", cluster=ClusterFactory().name) for n in range(2)]
    NamespaceFactory(team=team)
    said = decided(asked)
    return {"said": said, "cores": int(budget.used_by(team).cpu)}


def two_teams_on_one_cluster() -> dict[str, object]:
    """Room for one small one on the only cluster that has the labels."""
    cluster = ClusterFactory(labels={"region": "eu"})
    asked = []
    for team in (TeamFactory(), TeamFactory()):
        fields = {"name": team.slug, "tier": "small", "labels": {"region": "eu"}}
        asked.append(requests.file(kind="create", team=team, by=owner_of(team), fields=fields))
    placement.save_room(cluster, cpu=Decimal(4), memory_gib=Decimal(64))
    said = decided(asked)
    return {"said": said, "cores": int(budget.promised_on(cluster).cpu)}


def decided(asked: list[Request]) -> list[str]:
    """Approve each in a thread, and so on a connection, of its own: all at one moment."""
    by, said, ready = approver(), [], threading.Barrier(len(asked))
    threads = [threading.Thread(target=approve, args=(r, by, said, ready)) for r in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    return sorted(said)


def approve(request: Request, by: User, said: list[str], ready: threading.Barrier) -> None:
    """What became of one approval, in a word."""
    try:
        ready.wait(DEADLINE)
        requests.approve(request, by=by, plan_hash="0" * 64, decided={})
        said.append("approved")
    except DomainError as exc:
        said.append(exc.code)
    finally:
        connection.close()


def main() -> None:
    """Both stories, on a database that is made for them."""
    call_command("migrate", verbosity=0)
    stories = (two_clusters_of_one_team, two_teams_on_one_cluster)
    sys.stdout.write(json.dumps({story.__name__: story() for story in stories}))
