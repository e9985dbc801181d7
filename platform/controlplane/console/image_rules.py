"""What does a broken image rule mean, and how is it mended? Words for people, by the code of the rule."""

from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.policies.verdict import Code


@dataclass(frozen=True)
class ImageRule:
    """One rule in words. `exemptible`: whether an exemption could let such an image run at all."""

    title: str
    fix: str
    exemptible: bool = True


RULES: Mapping[Code, ImageRule] = {
    Code.NOT_ALLOWED: ImageRule(
        "Not among the images allowed here",
        "Use an image from a repository that is allowed here, or push this one to one of them. If the "
        "whole team needs its repository, ask the platform's admins to allow it.",
    ),
    Code.DENIED: ImageRule(
        "Its repository is denied",
        "Use another image: somebody decided against this repository, wherever else it is allowed.",
    ),
    Code.TAG: ImageRule(
        "Its tag is forbidden",
        "Name a version, such as :1.4.2. An image without a tag and without a digest means :latest.",
    ),
    Code.NO_DIGEST: ImageRule(
        "It is not pinned by a digest",
        "Write the digest after the image: name:tag@sha256:… Your registry shows it, and so does "
        "`crane digest name:tag`.",
    ),
    Code.ALGORITHM: ImageRule(
        "Its digest is of a kind not accepted here",
        "Pin it by a digest of an accepted kind, usually sha256.",
    ),
    Code.NOT_CANONICAL: ImageRule(
        "Its registry is spelt in another way than it is called",
        "Write the registry in lower case and without a port that goes without saying, so that rules "
        "and nodes read the same name.",
    ),
    Code.SIGNATURE: ImageRule(
        "Signatures are missing",
        "Have your pipeline sign the image and report it when it pushes (POST /api/v1/artifacts/).",
    ),
    Code.ATTESTATION: ImageRule(
        "A statement about it is missing",
        "Have your pipeline make the wanted statement, such as its provenance, and report it when it "
        "pushes (POST /api/v1/artifacts/).",
    ),
    Code.UNKNOWN_DIGEST: ImageRule(
        "Nothing is known of this digest",
        "Its push was never reported: let the pipeline report it (POST /api/v1/artifacts/), or name "
        "the digest that it did report.",
    ),
    Code.BLANK: ImageRule(
        "No image is named",
        "Name an image in this container.",
        exemptible=False,
    ),
    Code.UNPARSABLE: ImageRule(
        "This is not the name of an image",
        "Correct the name: a node would refuse it, too.",
        exemptible=False,
    ),
    Code.TEMPLATED: ImageRule(
        "The image is put together while the workflow runs",
        "Write the image out instead of {{…}}; choose between templates where it has to differ.",
        exemptible=False,
    ),
    Code.PATCH: ImageRule(
        "A patch of the pod cannot be read",
        "Write podSpecPatch as plain YAML or JSON, without expressions around the images, or set the "
        "image in the template itself.",
        exemptible=False,
    ),
    Code.SHAPE: ImageRule(
        "The object has a form that cannot be judged",
        "Correct the manifest at the place named; `kubectl apply --dry-run=server` says more.",
        exemptible=False,
    ),
}
UNKNOWN = ImageRule("It breaks the image policy", "Ask the platform's admins what this rule wants.")

STATES: Mapping[str, tuple[str, str]] = {
    "refused": ("Refused", "It did not get in."),
    "admitted": (
        "Let in",
        "It got in: the policy only reported it, or an exemption that is over let it in.",
    ),
    "running": (
        "Running",
        "The scanner saw it run: it was there before the rule, or is exempted no more.",
    ),
    "gone": ("Gone", "A later scan did not see it any more."),
}

SOURCES: Mapping[str, tuple[str, str]] = {
    "webhook": ("the cluster's webhook", "What it refuses or only reports, whoever asked."),
    "event": (
        "the cluster's events",
        "Pods refused to controllers: Deployments, Jobs, CronJobs and their like.",
    ),
    "argo": ("Argo's own message", "Pods refused to a workflow's steps."),
    "audit-log": (
        "the API server's audit log",
        "Everything refused, a person's own kubectl too. Only where the platform runs the API server.",
    ),
    "scanner": ("the scanner", "What runs, read anew from time to time."),
}
ONLY_YOURS = (
    "A person's own denied kubectl on a managed cluster is seen by that person alone: no API server "
    "tells anybody else, so it is not in this list. The link in what kubectl printed opens the same page."
)


def rule_of(code: str) -> ImageRule:
    """The rule of a code; a newer agent may know one that this platform does not."""
    try:
        return RULES[Code(code)]
    except ValueError:
        return UNKNOWN


def state_words(state: str) -> tuple[str, str]:
    """A state's name and what it means."""
    return STATES.get(state, (state.capitalize(), ""))


def source_words(source: str) -> tuple[str, str]:
    """Who saw it, and what else is seen that way."""
    return SOURCES.get(source, (source or "nobody known", ""))
