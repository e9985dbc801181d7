"""The access rule of every endpoint of the API."""

from controlplane.plans.agreement import plan_of
from tenants.models import Request

from .roles import ADMINS, DECIDERS, OWNERS, SEE_ALL, SUBMITTERS, TEAM, Answer, Role
from .rules import (
    ALL_SEE,
    Rule,
    by_its_own_token,
    everybodys,
    hidden,
    named,
    of_a_team,
    of_its_owner,
    of_the_platform,
    public,
)
from .world import STEPS, Side, soon

V1 = "/api/v1"
NO_KUBECONFIG = {"name": "new", "kubeconfig": "none"}


def wish(side: Side) -> dict[str, str]:
    """What a request of kind `create` asks."""
    return {"name": side.free, "tier": "small", "cluster": side.cluster.name}


def plan_read(side: Side) -> dict[str, str]:
    """Yes to the plan as it is."""
    there = isinstance(side.request, Request)
    return {"plan_hash": plan_of(side.request).hash if there else "a" * 32}


def hello(_: Side) -> dict[str, object]:
    """A workflow to submit."""
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "hello-"},
        "spec": STEPS,
    }
    return {"manifest": manifest}


TEAMS: dict[str, Rule] = {
    "GET /teams/": everybodys(),
    "POST /teams/": of_the_platform(
        ADMINS, body=lambda _: {"slug": "new", "name": "New", "owner_group": "new-owners"}
    ),
    "GET /teams/{pk}/": of_a_team(thing="team"),
    "PUT /teams/{pk}/": of_a_team(
        ADMINS,
        thing="team",
        body=lambda s: {"slug": s.word, "name": "New", "owner_group": f"{s.word}-owners"},
    ),
    "PATCH /teams/{pk}/": of_a_team(ADMINS, thing="team", body=lambda _: {"name": "New"}),
    "GET /tiers/": everybodys(),
    "GET /tiers/{pk}/": everybodys(thing="tier"),
    "PUT /tiers/{pk}/": of_the_platform(ADMINS, thing="tier", done=Answer.REFUSED),
    "PATCH /tiers/{pk}/": of_the_platform(
        ADMINS, thing="tier", body=lambda _: {"description": "new"}
    ),
    "GET /placement/": of_a_team(query=lambda s: {"team": s.team.slug, "tier": "small"}),
    "GET /rooms/": everybodys(),
    "POST /rooms/": of_the_platform(
        ADMINS, body=lambda s: {"cluster": s.cluster.name, "cpu": "64", "memory_gib": "8"}
    ),
}

REQUESTS: dict[str, Rule] = {
    "GET /requests/": everybodys(),
    "POST /requests/": named(
        OWNERS,
        body=lambda s: {"kind": "create", "team": s.team.slug, "asked": wish(s)},
        frozen=Answer.REFUSED,  # its cluster is cordoned
    ),
    "GET /requests/{pk}/": of_a_team(thing="request"),
    "GET /requests/{pk}/plan/": of_a_team(OWNERS | SEE_ALL, thing="request"),
    "POST /requests/{pk}/approve/": of_a_team(
        DECIDERS, thing="request", body=plan_read, frozen=Answer.REFUSED
    ),
    "POST /requests/{pk}/amend/": of_a_team(
        DECIDERS,
        thing="request",
        body=lambda s: {"asked": wish(s), "note": "better"},
        frozen=Answer.REFUSED,
    ),
    "POST /requests/{pk}/place/": of_a_team(
        OWNERS | DECIDERS,
        thing="request",
        done=Answer.REFUSED,  # it names its cluster
    ),
    "POST /requests/{pk}/comment/": of_a_team(
        TEAM | DECIDERS, thing="request", body=lambda _: {"note": "hm"}
    ),
    "POST /requests/{pk}/reject/": of_a_team(
        DECIDERS, thing="request", body=lambda _: {"note": "no"}
    ),
    "POST /requests/{pk}/withdraw/": of_a_team(OWNERS, thing="request"),
}

NAMESPACES: dict[str, Rule] = {
    "GET /namespaces/": everybodys(),
    "GET /namespaces/{pk}/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/turns/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/access/": of_a_team(thing="namespace"),
    "POST /namespaces/{pk}/try-now/": of_a_team(
        OWNERS | ADMINS, thing="namespace", frozen=Answer.REFUSED
    ),
    "GET /namespaces/{namespace_id}/workflows/": of_a_team(TEAM),
    "POST /namespaces/{namespace_id}/workflows/": of_a_team(SUBMITTERS, body=hello),
    "GET /namespaces/{namespace_id}/workflows/{name}/": of_a_team(TEAM),
    "DELETE /namespaces/{namespace_id}/workflows/{name}/": of_a_team(SUBMITTERS),
    "POST /namespaces/{namespace_id}/workflows/{name}/{verb}/": of_a_team(SUBMITTERS),
    "GET /namespaces/{namespace_id}/crons/": of_a_team(TEAM),
    "POST /namespaces/{namespace_id}/crons/{name}/{verb}/": of_a_team(
        SUBMITTERS, values=lambda s: {"name": s.cron, "verb": "suspend"}
    ),
    "GET /workflows/": everybodys(),
}

CLUSTERS: dict[str, Rule] = {
    "GET /clusters/": everybodys(),
    "POST /clusters/": of_the_platform(ADMINS, body=lambda _: NO_KUBECONFIG, done=Answer.REFUSED),
    "POST /clusters/preflight/": of_the_platform(
        ADMINS, body=lambda _: NO_KUBECONFIG, done=Answer.REFUSED
    ),
    "GET /clusters/role/": of_the_platform(ADMINS),
    "GET /clusters/{pk}/": everybodys(thing="cluster"),
    "PATCH /clusters/{pk}/": of_the_platform(
        ADMINS, thing="cluster", body=lambda _: {"labels": {"region": "eu"}}
    ),
    "DELETE /clusters/{pk}/": of_the_platform(  # it is in use
        ADMINS, thing="cluster", done=Answer.REFUSED
    ),
    "POST /clusters/{pk}/cordon/": of_the_platform(
        ADMINS, thing="cluster", body=lambda _: {"reason": "ice"}
    ),
    "POST /clusters/{pk}/uncordon/": of_the_platform(  # it is open
        ADMINS, thing="cluster", done=Answer.REFUSED
    ),
    "POST /clusters/{pk}/drain/": of_the_platform(
        ADMINS, thing="cluster", body=lambda _: {"reason": "ice"}
    ),
    "POST /clusters/{pk}/preflight/": of_the_platform(ADMINS, thing="cluster"),
    "GET /fleet/": hidden(SEE_ALL),
    "GET /fleet/{name}/": hidden(SEE_ALL, values=lambda s: {"name": s.cluster.name}),
}

MACHINES: dict[str, Rule] = {
    "POST /agents/": of_the_platform(ADMINS, body=lambda s: {"cluster": s.cluster.name}),
    "POST /agents/token/": by_its_own_token(),
    "GET /agents/bundle/": by_its_own_token(),
    "GET /agents/facts/": by_its_own_token(),
    "POST /agents/sightings/": by_its_own_token(),
    "POST /metrics/agents/": of_the_platform(
        ADMINS,
        body=lambda s: {"cluster": s.cluster.name, "write": "https://metrics.example/write"},
    ),
    "GET /metrics/targets/{name}/": by_its_own_token(values=lambda s: {"name": s.cluster.name}),
}

IMAGES: dict[str, Rule] = {
    "GET /policies/": everybodys(),
    "POST /policies/": of_the_platform(
        ADMINS,
        body=lambda s: {
            "name": "more",
            "scope": "team",
            "team": s.team.slug,
            "settings": {"deny": [{"registry": "evil.example"}]},
        },
    ),
    "GET /policies/{pk}/": hidden(SEE_ALL, thing="policy"),
    "PUT /policies/{pk}/": hidden(
        ADMINS,
        sees=SEE_ALL,
        thing="policy",
        body=lambda s: {"name": "more", "scope": "team", "team": s.team.slug, "settings": {}},
    ),
    "PATCH /policies/{pk}/": hidden(
        ADMINS, sees=SEE_ALL, thing="policy", body=lambda _: {"enabled": False}
    ),
    "DELETE /policies/{pk}/": hidden(ADMINS, sees=SEE_ALL, thing="policy"),
    "POST /policies/back-test/": of_the_platform(DECIDERS),
    "GET /policies/effective/": of_a_team(query=lambda s: {"team": s.team.slug}),
    "POST /policies/try/": named(
        ALL_SEE,
        body=lambda s: {"team": s.team.slug, "image": "x:1", "namespace": s.namespace.name},
    ),
    "GET /exemptions/": everybodys(),
    "POST /exemptions/": named(
        SUBMITTERS,
        body=lambda s: {
            "team": s.team.slug,
            "namespace": s.namespace.name,
            "image": "evil.example/other:1",
            "reason": "soon",
            "not_after": soon(),
        },
    ),
    "GET /exemptions/{pk}/": of_a_team(thing="exemption"),
    "POST /exemptions/{pk}/approve/": of_a_team(DECIDERS, thing="exemption"),
    "POST /exemptions/{pk}/reject/": of_a_team(
        DECIDERS, thing="exemption", body=lambda _: {"note": "no"}
    ),
    "POST /exemptions/{pk}/end/": of_a_team(
        SUBMITTERS | DECIDERS, thing="exemption", body=lambda _: {"note": "done"}
    ),
    "GET /artifacts/": everybodys(),
    "POST /artifacts/": named(
        SUBMITTERS | ADMINS,
        body=lambda s: {
            "team": s.team.slug,
            "repository": s.repository,
            "digest": "sha256:" + "a" * 64,
            "envelope": s.envelope,
        },
    ),
    "GET /artifacts/{pk}/": of_a_team(thing="artifact"),
    "GET /violations/": everybodys(),
    "GET /violations/scans/": everybodys(),
    "GET /roll-outs/": of_the_platform(SEE_ALL),
    "POST /roll-outs/": of_the_platform(
        ADMINS, body=lambda s: {"team": s.team.slug, "mode": "enforce", "reason": "ready"}
    ),
    "GET /stand-downs/": of_the_platform(SEE_ALL),
    "POST /stand-downs/": of_the_platform(
        ADMINS,
        body=lambda s: {"cluster": s.cluster.name, "until": soon(), "reason": "x"},
        done=Answer.REFUSED,  # longer than a webhook may be away
    ),
    "GET /stand-downs/{pk}/": hidden(SEE_ALL, thing="stand_down"),
    "POST /stand-downs/{pk}/end/": hidden(ADMINS, sees=SEE_ALL, thing="stand_down"),
    "GET /signing-keys/": of_the_platform(SEE_ALL),
    "POST /signing-keys/": of_the_platform(
        ADMINS, body=lambda _: {"name": "x", "pem": "none"}, done=Answer.REFUSED
    ),
    "GET /signing-keys/{pk}/": hidden(SEE_ALL, thing="signing_key"),
    "POST /signing-keys/{pk}/revoke/": hidden(
        ADMINS, sees=SEE_ALL, thing="signing_key", body=lambda _: {"reason": "lost"}
    ),
}

ONESELF: dict[str, Rule] = {
    "GET /me/": everybodys(),
    "POST /token/": public(done=Answer.REFUSED, door=Answer.REFUSED),  # without a name
    "DELETE /token/": everybodys(done=Answer.REFUSED),  # a browser has none to end
    "GET /schema/": public(),
}

USAGE: dict[str, Rule] = {
    "GET /usage/": of_a_team(query=lambda s: {"team": s.team.slug}),
    "GET /usage/chargeback/": everybodys(),
}

SECRETS: dict[str, Rule] = {
    "GET /secrets/": everybodys(),
    "POST /secrets/": named(
        OWNERS,
        body=lambda s: {
            "team": s.team.slug,
            "namespace": s.namespace.pk,
            "name": "spare",
            "kind": "opaque",
            "values": {"password": "x"},
        },
    ),
    "GET /secrets/kinds/": everybodys(),
    "GET /secrets/{pk}/": of_a_team(thing="secret"),
    "DELETE /secrets/{pk}/": of_a_team(OWNERS, thing="secret"),
    "POST /secrets/{pk}/renew/": of_a_team(
        OWNERS, thing="secret", body=lambda _: {"values": {"password": "y"}}
    ),
    "POST /secrets/{pk}/bring-back/": of_a_team(  # it is the one there is
        OWNERS, thing="secret", body=lambda _: {"version": 1}, done=Answer.REFUSED
    ),
    "POST /secrets/{pk}/test/": of_a_team(  # there is nothing to try of this kind
        OWNERS, thing="secret", done=Answer.REFUSED
    ),
}

AUDIT: dict[str, Rule] = {
    "GET /audit/": everybodys(),
    # Approvers decide; they look over nobody.
    "GET /audit/{pk}/": Rule(
        may=OWNERS | ADMINS | {Role.AUDITOR}, thing="event", auditor=Answer.DONE
    ),
}

CREDENTIALS: dict[str, Rule] = {
    "GET /tokens/": everybodys(),
    "POST /tokens/": named(OWNERS, body=lambda s: {"name": "ci", "team": s.team.slug}),
    # A team's token is its owners': not for who sees all either.
    "GET /tokens/{pk}/": Rule(may=OWNERS, thing="team_token"),
    "DELETE /tokens/{pk}/": Rule(may=OWNERS, thing="team_token"),
    "GET /kubeconfigs/": everybodys(),
    # For who has a level on that cluster; nobody else is told whether there is such a cluster.
    "POST /kubeconfigs/": Rule(
        may=TEAM, closed=Answer.FORBIDDEN, body=lambda s: {"cluster": s.shore.name}
    ),
    "GET /kubeconfigs/{pk}/": of_its_owner(SEE_ALL, thing="kubeconfig"),
    "POST /kubeconfigs/{pk}/revoke/": of_its_owner(ADMINS, sees=SEE_ALL, thing="kubeconfig"),
}

PARTS = (
    CREDENTIALS,
    SECRETS,
    AUDIT,
    TEAMS,
    REQUESTS,
    NAMESPACES,
    CLUSTERS,
    MACHINES,
    IMAGES,
    ONESELF,
    USAGE,
)
RULES: dict[str, Rule] = {
    key.replace(" ", f" {V1}", 1): rule for part in PARTS for key, rule in part.items()
}
