"""What must the platform be allowed to do in a cluster? What its parts ask of the door, and no more.

Each part says which calls it makes, where it makes them, and the role is made of that: so a part that is
changed changes the role, and the preflight names what a cluster has yet to give. RBAC knows no namespaces
by label: what is needed in teams' namespaces is a right in all of them. How strong that is: docs/clusters.md.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from controlplane.kube.resources import resource_of
from controlplane.objects import Manifest

NAME = "argosy-platform"
RBAC = "rbac.authorization.k8s.io"

# What the API server asks for when the door is called so. An apply makes what is not there.
VERBS: dict[str, tuple[str, ...]] = {
    "get": ("get",),
    "list": ("list",),
    "watch": ("list", "watch"),
    "apply": ("create", "patch"),
    "replace": ("update",),
    "create": ("create",),
    "patch": ("patch",),
    "delete": ("delete",),
}


@dataclass(frozen=True, order=True)
class Right:
    """To do one thing to one kind; with a name, to the objects of that name alone.

    A `path` is a document of the API server that is no object; then there is no resource.
    """

    group: str = ""
    resource: str = ""  # `pods`, `pods/log`
    verb: str = "get"
    name: str = ""
    path: str = ""

    def covers(self, other: "Right") -> bool:
        """Whether who holds this may do the other."""
        mine = (self.group, self.resource, self.verb, self.path)
        theirs = (other.group, other.resource, other.verb, other.path)
        return mine == theirs and self.name in {"", other.name}

    def __str__(self) -> str:
        if self.path:
            return f"{self.verb} {self.path}"
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind}{f' named {self.name}' if self.name else ''}"


Source = Callable[[], Iterable[Right]]

_sources: list[Source] = []


def register(source: Source) -> Source:
    """Have a part's rights in the role; to register twice is to register once."""
    if source not in _sources:
        _sources.append(source)
    return source


def needed() -> tuple[Right, ...]:
    """Every right that some part of the platform said it needs, each once, in order.

    A right that another one covers is not told: who may read every Secret may read that one.
    """
    found = {right for source in _sources for right in source()}
    return tuple(sorted(r for r in found if not r.name or replace(r, name="") not in found))


def calls(
    api_version: str, kind: str, *doors: str, names: Iterable[str] = ("",)
) -> Iterator[Right]:
    """The rights that these calls of the door need on a kind: `calls("v1", "Secret", "list")`."""
    resource = resource_of(api_version, kind)
    group = api_version.rpartition("/")[0]
    for name in names:
        for door in doors:
            for verb in VERBS[door]:
                yield Right(group, resource.plural, verb, name)


def role(rights: Iterable[Right], *, name: str = NAME) -> Manifest:
    """The ClusterRole of these rights, with as few rules as they can be told in."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(_rules(rights)),
    }


def account_for(held: Manifest, *, namespace: str, name: str) -> tuple[Manifest, ...]:
    """A role, an account that has it, and the Secret into which Kubernetes puts its token."""
    where = {"name": name, "namespace": namespace}
    role_name = held["metadata"]["name"]
    return (
        held,
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": dict(where),
            "automountServiceAccountToken": False,
        },
        token_of(namespace, name),
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": role_name},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role_name},
            "subjects": [{"kind": "ServiceAccount", **where}],
        },
    )


def token_of(namespace: str, name: str) -> Manifest:
    """The Secret, called as its account, into which Kubernetes puts that account's token."""
    named = {"kubernetes.io/service-account.name": name}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "namespace": namespace, "annotations": named},
    }


def _rules(rights: Iterable[Right]) -> Iterator[Manifest]:
    verbs: dict[tuple[str, str, str], set[str]] = {}
    paths: set[str] = set()
    for right in rights:
        if right.path:
            paths.add(right.path)
        else:
            verbs.setdefault((right.group, right.resource, right.name), set()).add(right.verb)
    names: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for (group, resource, name), held in verbs.items():
        names.setdefault((group, resource, tuple(sorted(held))), set()).add(name)
    rows = sorted(
        (group, tuple(sorted(n for n in named if n)), held, resource)
        for (group, resource, held), named in names.items()
    )
    for (group, named, held), same in groupby(rows, key=lambda row: row[:3]):
        rule: Manifest = {"apiGroups": [group], "resources": [row[3] for row in same]}
        if named:
            rule["resourceNames"] = list(named)
        yield {**rule, "verbs": list(held)}
    if paths:
        yield {"nonResourceURLs": sorted(paths), "verbs": ["get"]}


def rights_in(rules: Iterable[Manifest]) -> Iterator[Right]:
    """The rights that RBAC's rules give, one by one."""
    for rule in rules:
        for verb in rule["verbs"]:
            for path in rule.get("nonResourceURLs") or ():
                yield Right(verb=verb, path=path)
            for group in rule.get("apiGroups") or ():
                for resource in rule.get("resources") or ():
                    for name in rule.get("resourceNames") or ("",):
                        yield Right(group, resource, verb, name)
