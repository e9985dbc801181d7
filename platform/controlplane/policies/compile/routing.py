"""Which objects go to the webhook? Those that ask, and no others.

The fastest webhook is the one that is not called: match conditions, made of the same policies, let
the API server keep everything it can judge by itself. Wider than needed is safe, for the webhook
judges whatever it is sent; narrower never is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.policies.asking import asks_of
from controlplane.policies.document import Document

from . import cel, cost, images, regex
from .cel import quoted as q
from .rule_sets import exempted, proven_names
from .shapes import CLUSTER, SHAPES, TEAM_LABEL, Shape, selector, unchanged
from .tables import LONGEST_EXPRESSION

API = "admissionregistration.k8s.io/v1"
NAME = "argosy-images"
DOMAIN = "images.argosy.dev"
TIMEOUT = 3
MOST_GROUPS = 6  # teams that ask for proof of the same images; beyond, their pods are all sent
LABELS = {"argosy.dev/managed": "true", "argosy.dev/part": "image-policy"}

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Asking:
    """What the policies leave to the webhook."""

    exempt: frozenset[str]
    exempting: tuple[str, ...]  # teams with exemptions
    proof: Mapping[str, "Proof"]  # by team; those that ask for none are missing
    manifests: tuple[str, ...]  # teams that want manifests inside of workflows read

    @classmethod
    def of(cls, documents: Mapping[str, Document]) -> "Asking":
        """By the names that teams' rules stand under."""
        asked = {key: asks_of(document) for key, document in sorted(documents.items())}
        return cls(
            exempt=frozenset(
                image
                for document in documents.values()
                for image in exempted(document, [n for s in document.scopes for n in s.namespaces])
            ),
            exempting=tuple(key for key, asks in asked.items() if asks.exempting),
            proof={key: Proof.of(documents[key]) for key, asks in asked.items() if asks.proof},
            manifests=tuple(key for key, asks in asked.items() if asks.manifests),
        )


@dataclass(frozen=True)
class Proof:
    """Of which images a team wants proof; None is all of them."""

    names: frozenset[str] | None
    any_host: bool

    @classmethod
    def of(cls, document: Document) -> "Proof":
        return cls(proven_names(document), document.canonical_host == "normalise")


def configuration(documents: Mapping[str, Document], client: Manifest) -> Manifest:
    """The webhook configuration; `client` is its `clientConfig`: where it is, and whom to believe."""
    asking = Asking.of(documents)
    return {
        "apiVersion": API,
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": NAME, "labels": dict(LABELS)},
        "webhooks": [_entry(route, client) for shape in SHAPES for route in _routes(shape, asking)],
    }


@dataclass(frozen=True)
class _Route:
    shape: Shape
    name: str
    condition: str
    teams: tuple[str, ...] = ()  # none: all of them


def _entry(route: _Route, client: Manifest) -> Manifest:
    entry: Manifest = {
        "name": f"{route.name}.{route.shape.name}.{DOMAIN}",
        "admissionReviewVersions": ["v1"],
        "clientConfig": client,
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT,
        "rules": route.shape.rules(),
        "matchConditions": [{"name": "asks", "expression": route.condition}],
    }
    if route.shape.namespaced:
        entry["namespaceSelector"] = selector()
        if route.teams:
            listed = {"key": TEAM_LABEL, "operator": "In", "values": list(route.teams)}
            entry["namespaceSelector"] = {"matchExpressions": [listed]}
    return entry


def _routes(shape: Shape, asking: Asking) -> Iterator[_Route]:
    texts = list(_texts(shape, asking))
    if texts:
        yield _Route(shape, "asks", _when_new(shape, cel.any_of(texts)))
    if shape.kind.templated:
        yield from _whole(shape, asking)
        return
    for number, (proof, teams) in enumerate(_groups(shape, asking)):
        condition = _when_new(shape, _wants_proof(shape, proof))
        yield _Route(shape, f"proof-{number}", condition, teams)


def _texts(shape: Shape, asking: Asking) -> Iterator[str]:
    """What only a clock or a reader of YAML can judge, whosever it is."""
    if asking.exempt and not shape.kind.templated:
        table = ", ".join(f"{q(image)}: true" for image in sorted(asking.exempt))
        if len(table) < LONGEST_EXPRESSION // 2:
            yield f"({_images(shape)}).exists(e, {_image('e')} in {{{table}}})"
        else:
            yield "true"
    patches = images.listed(shape.kind.fields, "object", images.PATCHES)
    if patches != "[]":
        yield f"({patches}).size() > 0"


def _whole(shape: Shape, asking: Asking) -> Iterator[_Route]:
    """Argo's own objects of the teams that ask for anything: all of them, when they change.

    A condition that looked for images in all their corners takes the API server many seconds to
    read. They are few beside their pods, and each pod is routed by its own images.
    """
    asks = {*asking.exempting, *asking.proof, *asking.manifests}
    teams = tuple(sorted(key for key in asks if (key == CLUSTER) != shape.namespaced))
    if teams:
        yield _Route(shape, "whole", _when_new(shape, "true"), teams)


def _groups(shape: Shape, asking: Asking) -> Iterator[tuple[Proof, tuple[str, ...]]]:
    """Teams that want proof of the same images, together."""
    if not shape.namespaced:
        if CLUSTER in asking.proof:
            yield asking.proof[CLUSTER], ()
        return
    found: dict[Proof, list[str]] = {}
    for team, proof in sorted(asking.proof.items()):
        if team != CLUSTER:
            found.setdefault(proof, []).append(team)
    ordered = sorted(found.items(), key=lambda each: (-len(each[1]), each[1]))
    for proof, teams in ordered[:MOST_GROUPS]:
        yield proof, tuple(teams)
    if rest := [team for _, teams in ordered[MOST_GROUPS:] for team in teams]:
        yield Proof(None, any_host=False), tuple(sorted(rest))


def _wants_proof(shape: Shape, proof: Proof) -> str:
    """Whether an image may be one of these: by all its spellings, or every image if that is dear."""
    if proof.names is None:
        return "true"
    patterns = regex.patterns(proof.names, any_host=proof.any_host)
    longest = max(map(len, patterns), default=0)
    dear = not cost.affordable(cost.routing(len(patterns), longest), cost.EXPRESSION_LIMIT)
    matched = cel.any_of(f"{_image('e')}.matches({q(pattern)})" for pattern in patterns)
    written = f"({_images(shape)}).exists(e, {matched})"
    return "true" if dear or len(written) > LONGEST_EXPRESSION // 2 else written


def _when_new(shape: Shape, asks: str) -> str:
    """Nothing is asked of what an update left as it was: cheap first, for CEL stops at what is false."""
    if shape.judged_fields:
        return f"!({unchanged(shape)}) && ({asks})"
    before = images.listed(shape.kind.fields, "oldObject", images.IMAGES)
    return f"(oldObject == null || ({_images(shape)}) != ({before})) && ({asks})"


def _images(shape: Shape) -> str:
    return images.listed(shape.kind.fields, "object", images.IMAGES)


def _image(entry: str) -> str:
    return f"{entry}.substring(0, {entry}.lastIndexOf('\\t'))"


def names(configured: Manifest) -> Iterable[str]:
    """The names of its entries, as the API server says them when one cannot be called."""
    return [entry["name"] for entry in configured["webhooks"]]
