"""Reading, submitting and steering workflows: each as the account of the person's level."""

from dataclasses import dataclass

from controlplane.audit import record
from controlplane.errors import NotNow
from controlplane.identity.models import User
from controlplane.objects import Manifest, Ref
from tenants.levels import Act
from tenants.models import TenantNamespace

from . import faults, nodes, verbs
from .access import acting
from .faults import Fault
from .submission import API_VERSION, CRON, KIND, TEMPLATE, again, submittable
from .verbs import Verb


@dataclass(frozen=True)
class Done:
    """What became of an act: the workflow it left or made, and a sentence."""

    workflow: Manifest
    sentence: str


def find(namespace: TenantNamespace, user: User, name: str) -> Manifest | None:
    """One workflow, as the cluster has it now."""
    return acting(namespace, user).get(Ref(API_VERSION, KIND, namespace.name, name))


def pod(namespace: TenantNamespace, user: User, name: str) -> Manifest | None:
    """One pod of the namespace."""
    return acting(namespace, user).get(Ref("v1", "Pod", namespace.name, name))


def submit(
    namespace: TenantNamespace, user: User, manifest: Manifest, *, dry_run: bool = False
) -> Manifest:
    """Submit a Workflow, or have the API server say what it thinks of it.

    One that can never run is refused here: the API server takes it, and then nothing comes of it.
    """
    kube = acting(namespace, user, Act.SUBMIT_WORKFLOWS)
    wanted = submittable(manifest, namespace.name, by=user.username)
    faults.check(faults_in(namespace, wanted))
    made = kube.create(wanted, dry_run=dry_run)
    if not dry_run:
        _recorded("submitted", namespace, user, _name_of(made))
    return made


def faults_in(namespace: TenantNamespace, workflow: Manifest) -> tuple[Fault, ...]:
    """What is wrong with a workflow, or a template, that the API server would not say."""
    return faults.faults_of(workflow, namespace.tier.spec())


def remove(namespace: TenantNamespace, user: User, name: str) -> Manifest | None:
    """Take a workflow away, with its pods and their logs; None where there is none of that name."""
    kube = acting(namespace, user, Act.SUBMIT_WORKFLOWS)
    ref = Ref(API_VERSION, KIND, namespace.name, name)
    found = kube.get(ref)
    if found is not None:
        # By its uid: another one of that name, made in between, stays.
        kube.delete(ref, uid=str(found["metadata"].get("uid") or ""))
        _recorded("deleted", namespace, user, name)
    return found


def do(verb: Verb, namespace: TenantNamespace, user: User, name: str) -> Done | None:
    """Carry a verb out; None where there is no such workflow."""
    kube = acting(namespace, user, Act.SUBMIT_WORKFLOWS)
    ref = Ref(API_VERSION, KIND, namespace.name, name)
    found = kube.get(ref)
    if found is None:
        return None
    run = nodes.read(found)
    if why := verbs.refusal(verb, run):
        raise NotNow(why)
    if verb is Verb.RESUBMIT:
        made = kube.create(submittable(again(found), namespace.name, by=user.username))
        _recorded("submitted", namespace, user, _name_of(made))
        return Done(made, f"{made['metadata']['name']} was made from the spec of {name}.")
    changed = kube.patch(ref, verbs.CHANGES[verb])
    _recorded(str(verb), namespace, user, name)
    return Done(changed, verbs.outcome(verb, run))


def templates(namespace: TenantNamespace, user: User) -> tuple[Manifest, ...]:
    """The WorkflowTemplates one can start from."""
    return acting(namespace, user).list(API_VERSION, TEMPLATE, namespace.name)


def suspend_cron(
    namespace: TenantNamespace, user: User, name: str, *, suspended: bool
) -> Manifest | None:
    """Let a CronWorkflow rest, or wake it; None where there is none of that name."""
    kube = acting(namespace, user, Act.SUBMIT_WORKFLOWS)
    ref = Ref(API_VERSION, CRON, namespace.name, name)
    if kube.get(ref) is None:
        return None
    changed = kube.patch(ref, {"spec": {"suspend": suspended}})
    _recorded("suspended" if suspended else "resumed", namespace, user, name, kind="schedule")
    return changed


def logs(
    namespace: TenantNamespace,
    user: User,
    pod_name: str,
    container: str,
    *,
    since: str,
    tail: int | None,
    limit: int,
) -> str:
    """What a container said, each line with its time."""
    return acting(namespace, user).logs(
        namespace.name, pod_name, container, since_time=since, tail_lines=tail, limit_bytes=limit
    )


def _recorded(
    what: str, namespace: TenantNamespace, user: User, name: str, *, kind: str = "workflow"
) -> None:
    record(
        f"{kind}.{what}",
        actor=user.get_username(),
        target=f"{kind} {name} in {namespace.name}",
        team=namespace.team.slug,
    )


def _name_of(made: Manifest) -> str:
    return str(made["metadata"].get("name", ""))
