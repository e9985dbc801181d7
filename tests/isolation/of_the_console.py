"""The access rule of every page of the console, and of what a form of it sends."""

from .of_the_api import wish
from .roles import ADMINS, DECIDERS, OWNERS, SEE_ALL, SUBMITTERS, TEAM, Answer
from .rules import (
    Rule,
    by_its_own_token,
    everybodys,
    hidden,
    named,
    of_a_team,
    of_its_owner,
    public,
)
from .world import Side, soon

YAML = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-}
spec: {entrypoint: main, templates: [{name: main, suspend: {}}]}
"""


def form(side: Side) -> dict[str, str]:
    """The form of a new namespace, filled in."""
    return {"team": side.team.slug, **wish(side)}


NO_PROVIDER = public(done=Answer.HIDDEN, door=Answer.HIDDEN)
DOORS: dict[str, Rule] = {
    "GET /healthz": public(),
    "GET /readyz": public(),
    "GET /readyz/web": public(),
    "GET /metrics": by_its_own_token(),
    "GET /sign-in/": public(),
    "POST /sign-in/": public(),
    "PUT /sign-in/": public(),
    "POST /sign-out/": public(door=Answer.DOOR, done=Answer.DOOR),  # that is where one is then
    "POST /theme/": public(),
    # Without a provider there are no such doors.
    "GET /sign-in/provider/": NO_PROVIDER,
    "GET /sign-in/provider/back/": NO_PROVIDER,
    "GET /sign-out/provider/": NO_PROVIDER,
    "POST /sign-out/said-over/": NO_PROVIDER,
}

PAGES: dict[str, Rule] = {
    "GET /": everybodys(),
    "GET /switch/": everybodys(),
    "GET /search/": everybodys(query=lambda _: {"q": "prod"}),
    "GET /teams/": everybodys(),
    "GET /namespaces/": everybodys(),
    "GET /namespaces/{pk}/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/release/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/inside/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/told/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/turns/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/progress/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/images/": of_a_team(thing="namespace"),
    "GET /namespaces/{pk}/access/": of_a_team(thing="namespace"),
    "POST /namespaces/{pk}/try-now/": of_a_team(
        OWNERS | ADMINS, thing="namespace", frozen=Answer.REFUSED
    ),
}

REQUESTS: dict[str, Rule] = {
    "GET /requests/": everybodys(),
    "GET /requests/new/": everybodys(),
    "POST /requests/new/": Rule(
        may=OWNERS, closed=Answer.REFUSED, body=form, frozen=Answer.REFUSED
    ),
    "POST /requests/new/check/": everybodys(query=lambda _: {"field": "name"}, body=form),
    "POST /requests/drafts/{pk}/discard/": of_its_owner(thing="draft"),
    "GET /requests/{pk}/": of_a_team(thing="request"),
    "POST /requests/{pk}/": of_a_team(
        DECIDERS, thing="request", body=lambda _: {"act": "reject", "reject_note": "no"}
    ),
    # Who decides on nothing has no inbox.
    "GET /inbox/": hidden(DECIDERS, auditor=Answer.HIDDEN),
    "GET /inbox/plans/": hidden(
        DECIDERS, query=lambda s: {"chosen": s.request.pk}, auditor=Answer.HIDDEN
    ),
    "GET /inbox/together/": hidden(
        DECIDERS, query=lambda s: {"chosen": s.request.pk}, auditor=Answer.HIDDEN
    ),
    "POST /inbox/decide/": hidden(
        DECIDERS,
        body=lambda s: {"act": "reject", "chosen": s.request.pk, "note": "no"},
        auditor=Answer.HIDDEN,
    ),
}

IMAGES: dict[str, Rule] = {
    "GET /violations/": everybodys(),
    "GET /violations/export.csv": everybodys(),
    "GET /v/": of_a_team(
        query=lambda s: {"namespace": s.namespace.name, "image": "evil.example/miner:1"}
    ),
    "GET /v/{same}/": of_a_team(),
    "GET /exemptions/": everybodys(),
    "GET /exemptions/new/": everybodys(),
    "POST /exemptions/new/": Rule(
        may=SUBMITTERS,
        closed=Answer.REFUSED,
        body=lambda s: {
            "team": s.team.slug,
            "namespace": s.namespace.pk,
            "image": "evil.example/other:1",
            "reason": "soon",
            "until": soon()[:10],
        },
    ),
    "GET /exemptions/{pk}/": of_a_team(thing="exemption"),
    "POST /exemptions/{pk}/": of_a_team(
        DECIDERS, thing="exemption", body=lambda _: {"act": "reject", "reject_note": "no"}
    ),
}

USAGE: dict[str, Rule] = {
    "GET /usage/": everybodys(),
    "GET /usage/csv/": of_a_team(query=lambda s: {"team": s.team.slug}),
    "GET /usage/controllers/": of_a_team(query=lambda s: {"team": s.team.slug}),
    "GET /chargeback/": everybodys(),
    "GET /chargeback/csv/": everybodys(),
    "GET /controllers/": hidden(SEE_ALL),
    "GET /fleet/": hidden(SEE_ALL),
    "GET /fleet/{name}/": hidden(SEE_ALL, values=lambda s: {"name": s.cluster.name}),
}

WORKFLOWS: dict[str, Rule] = {
    "GET /workflows/": everybodys(),
    "POST /workflows/views/": everybodys(body=lambda _: {"name": "mine", "query": "phase=Failed"}),
    "GET /workflows/namespaces/": everybodys(query=lambda _: {"namespace": "prod"}),
    "GET /workflows/submit/": everybodys(),
    "GET /workflows/submit/namespaces/": everybodys(query=lambda _: {"find": "prod"}),
    "POST /workflows/submit/": Rule(
        may=SUBMITTERS,
        body=lambda s: {"namespace": s.namespace.pk, "from": "yaml", "manifest": YAML},
    ),
    "GET /namespaces/{pk}/workflows/{name}/": of_a_team(TEAM, thing="namespace"),
    "GET /namespaces/{pk}/workflows/{name}/log/": of_a_team(
        TEAM, thing="namespace", query=lambda s: {"node": s.workflow}
    ),
    "POST /namespaces/{pk}/workflows/{name}/{verb}/": of_a_team(SUBMITTERS, thing="namespace"),
    "POST /namespaces/{pk}/workflows/{name}/delete/": of_a_team(SUBMITTERS, thing="namespace"),
    "GET /crons/": everybodys(),
    "POST /crons/{pk}/{name}/{verb}/": of_a_team(
        SUBMITTERS, thing="namespace", values=lambda s: {"name": s.cron, "verb": "suspend"}
    ),
}

AUDIT: dict[str, Rule] = {
    "GET /audit/": everybodys(),
    "GET /audit/export.csv": everybodys(),
}

ONESELF: dict[str, Rule] = {
    "GET /me/": everybodys(),
    "GET /tokens/": everybodys(),
    "POST /tokens/": named(
        OWNERS, body=lambda s: {"name": "ci", "days": 7, "team": s.team.slug, "scopes": "read"}
    ),
    "POST /tokens/{pk}/end/": Rule(may=OWNERS, thing="team_token"),
    "GET /kubeconfigs/": everybodys(),
    "POST /kubeconfigs/": Rule(
        may=TEAM,
        closed=Answer.FORBIDDEN,
        body=lambda s: {"cluster": s.shore.name, "minutes": 10},
    ),
    "POST /kubeconfigs/{pk}/revoke/": of_its_owner(thing="kubeconfig"),
}

SECRETS: dict[str, Rule] = {
    "GET /secrets/": everybodys(),
    "GET /secrets/new/": everybodys(),
    "POST /secrets/new/": Rule(
        may=OWNERS,
        closed=Answer.REFUSED,
        body=lambda s: {
            "team": s.team.slug,
            "namespace": s.namespace.pk,
            "name": "spare",
            "kind": "opaque",
            "key-0": "password",
            "value-0": "x",
        },
    ),
    "GET /secrets/{pk}/": of_a_team(thing="secret"),
    "POST /secrets/{pk}/": of_a_team(OWNERS, thing="secret", body=lambda _: {"act": "remove"}),
}

PARTS = (ONESELF, SECRETS, AUDIT, DOORS, PAGES, REQUESTS, IMAGES, USAGE, WORKFLOWS)
RULES: dict[str, Rule] = {key: rule for part in PARTS for key, rule in part.items()}
