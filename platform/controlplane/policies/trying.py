"""May this team run this image, and why not? Asked of the rules themselves, before anything is written."""

from dataclasses import dataclass
from datetime import datetime

from controlplane.errors import DomainError
from tenants.models import Team

from . import checking, store
from .decide import decide
from .document import Document
from .knowledge import facts_about
from .models import LONGEST_IMAGE, ImagePolicy
from .sentences import denial, report
from .verdict import Verdict


@dataclass(frozen=True)
class Tried:
    """The answer, with the policy that it comes from."""

    image: str
    namespace: str
    document: Document
    verdict: Verdict
    sentence: str


def try_image(
    *,
    team: Team,
    image: str,
    now: datetime,
    namespace: str = "",
    draft: ImagePolicy | None = None,
) -> Tried:
    """What would become of a pod with this image, in this namespace of the team (or its first).

    `draft`: as if this were in force too.
    """
    if len(image) > LONGEST_IMAGE:
        raise DomainError(
            f"An image has {LONGEST_IMAGE} characters at most.", code="bad_image", field="image"
        )
    said = store.said(now)
    if draft is not None:
        said = said.with_policy(store.policy_of(draft))
    found = store.document_of(team.slug, of=said, namespace=namespace)
    if found is None:
        raise DomainError(
            f"{team.slug} has no namespace {namespace}.", code="bad_namespace", field="namespace"
        )
    document, where = found
    verdict = decide(checking.question_of(image, where, now=now), document, facts_about([image]))
    return Tried(image, where, document, verdict, sentence_of(verdict))


def sentence_of(verdict: Verdict) -> str:
    """The answer in words."""
    if not verdict.allowed:
        return denial(verdict)
    return report(verdict) if verdict.reported else "The image policy admits this."
