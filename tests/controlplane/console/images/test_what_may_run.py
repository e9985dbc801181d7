"""What may run in a namespace, in words, and an image tried before it is used."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.console import image_words
from controlplane.policies import exemptions
from controlplane.policies.document import read as document_of
from controlplane.policies.models import RollOut
from tests.browsing import FRAME, browser, queries
from tests.controlplane.console.images.stories import TEAM, place, waiting
from tests.controlplane.console.pages import HTMX, read
from tests.factories import (
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.images import FOREIGN, policy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("who", [*TEAM, approver, platform_admin])
def test_the_policy_of_a_namespace_is_said_in_words(who: Any) -> None:
    where = place()
    policy("more", deny=[{"registry": "harbor.corp.example", "repository": "payments/legacy"}])
    policy("tags", tags={"forbid": ["latest"]})

    person = who() if who in {approver, platform_admin} else who(where.team)
    page = read(browser(person), f"/namespaces/{where.pk}/images/")

    for said in (
        *("harbor.corp.example/payments/… all under it", "quay.io/argoproj/argoexec"),
        *("these and nothing else", "harbor.corp.example/payments/legacy this repository"),
        *("Never latest", "Not required; where there is one", "Enforce : what breaks"),
        "the team's first day",
    ):
        assert said in page.replace("&#x27;", "'")


def test_a_team_in_audit_reads_since_when_and_why() -> None:
    where = place()
    RollOut.objects.create(
        team=where.team, mode="audit", since=timezone.now() - timedelta(days=3), reason="A trial."
    )

    page = read(browser(viewer_of(where.team)), f"/namespaces/{where.pk}/images/")

    assert "Only reports" in page
    assert "3 d ago" in page
    assert "A trial." in page


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_image_is_tried_before_it_is_used(headers: dict[str, str]) -> None:
    where = place()
    client, path = browser(member_of(where.team)), f"/namespaces/{where.pk}/images/"

    refused = client.get(path, {"image": FOREIGN}, headers=headers).content.decode()
    admitted = client.get(path, {"image": "harbor.corp.example/payments/a:1"}, headers=headers)

    assert "Not among the images allowed here" in refused
    assert "Ask for an exemption" in refused
    assert "May run" in admitted.content.decode()
    assert ("<h1>" in refused) is not bool(headers)


@pytest.mark.parametrize("image", ["{{x}}", "a" * 600, "A B", "\0", "<script>", "::::"])
def test_nonsense_in_the_box_is_answered(image: str) -> None:
    where = place()

    answer = browser(viewer_of(where.team)).get(f"/namespaces/{where.pk}/images/", {"image": image})

    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode().partition("<main")[2]


def test_what_is_exempted_is_said_and_the_try_counts_it() -> None:
    where = place()
    exemptions.approve(waiting(where), by=approver(), now=timezone.now())

    page = read(browser(viewer_of(where.team)), f"/namespaces/{where.pk}/images/", image=FOREIGN)

    assert "Let in, and noted" in page
    assert "Exempted now" in page


def test_what_may_run_takes_the_same_queries_however_much_is_said() -> None:
    where = place()
    client, path = browser(owner_of(where.team)), f"/namespaces/{where.pk}/images/"
    cost = queries(client, path, image=FOREIGN)

    for n in range(9):
        policy(f"more-{n}", allow=[{"registry": f"r{n}.example"}])
        exemptions.approve(
            waiting(where, image=f"evil.example/miner-{n}:1"), by=approver(), now=timezone.now()
        )

    assert queries(client, path, image=FOREIGN) == cost <= FRAME + 20


def test_signers_and_odd_settings_have_words() -> None:
    document = document_of(
        {
            "signature": {"keys": ["k1", "k2"], "threshold": 2, "revoked": ["k3"]},
            "attestations": [{"type": "https://slsa.dev/provenance/v1", "keys": ["k1"]}],
            "argo": {"templated": "defer", "resource_manifests": "scan"},
            "tags": {"require_pattern": "v[0-9]+"},
            "update_mode": "all",
            "controllers": "warn",
        }
    )

    lines = image_words.requirements(document, {"k1": "release", "k2": "security", "k3": "old"})

    said = " ".join(word for line in lines for word in line.words)
    for part in (
        *("2 of release and security", "old no longer counts", "slsa.dev/provenance/v1"),
        *("when their pod is made", "resource templates", "v[0-9]+", "only warn"),
    ):
        assert part in said
