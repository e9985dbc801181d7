"""Who signed what: pushed once, verified once, told to every cluster, and taken back with its key."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from controlplane.errors import DomainError, NotAllowed
from controlplane.policies import bundle, bundles, keys, pushes, services
from controlplane.policies.artifacts import NotVerified
from controlplane.policies.checking import question_of
from controlplane.policies.decide import decide
from controlplane.policies.models import Artifact, ImagePolicy, SigningKey
from controlplane.policies.trying import try_image
from controlplane.policies.verified import Verified
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.images import (
    DIGEST,
    HARBOR,
    IMAGE,
    NOW,
    REPOSITORY,
    Signer,
    envelope,
    policy,
    signer,
    statement,
)

pytestmark = pytest.mark.django_db


def push(team: Any, *signers: Signer, **changed: Any) -> Artifact:
    wish = {"by": member_of(team), "repository": REPOSITORY, "digest": DIGEST, **changed}
    wish.setdefault("envelope", envelope(*signers))
    return pushes.push(team=team, now=NOW, **wish)


def told(since: int = 0) -> bundle.FactsDelta:
    cluster = ClusterFactory()
    sealed = bundles.facts_for(cluster, since=since, now=NOW)
    key: Any = load_pem_public_key(bundles.public_key().encode())
    return bundle.open_facts(sealed, [key], cluster=cluster.name)


def runs(team: Any) -> bool:
    return try_image(team=team, image=IMAGE, now=NOW).verdict.allowed


def asking(threshold: int = 1, *names: str) -> None:
    policy(
        allow=[HARBOR],
        signature={"keys": list(names), "threshold": threshold, "repositories": [HARBOR]},
    )


def test_a_signed_image_runs_once_its_push_is_known() -> None:
    ana, team = signer(), NamespaceFactory().team
    ana.known("ci")
    asking(1, "ci")
    assert not runs(team)

    push(team, ana)

    assert runs(team)


def test_two_of_three_means_two_different_keys() -> None:
    ana, ben, cy = signer(), signer(), signer()
    team = NamespaceFactory().team
    for name, each in (("ana", ana), ("ben", ben), ("cy", cy)):
        each.known(name)
    asking(2, "ana", "ben", "cy")

    push(team, ana)
    push(team, ana)
    assert not runs(team)

    push(team, cy)
    assert runs(team)


def test_a_key_that_is_not_asked_for_does_not_count() -> None:
    ana, ben, team = signer(), signer(), NamespaceFactory().team
    ana.known("ana")
    ben.known("ben")
    asking(1, "ana")

    push(team, ben)

    assert not runs(team)


def test_a_revoked_key_takes_back_what_it_signed_everywhere() -> None:
    ana, team = signer(), NamespaceFactory().team
    key = ana.known("ci")
    asking(1, "ci")
    push(team, ana)
    before = told()

    keys.revoke(key, by=platform_admin(), reason="the laptop was stolen", now=NOW)

    assert not runs(team)
    after = told(since=before.version)
    assert [(fact.digest, fact.key_ids, fact.epoch) for fact in after.facts] == [(DIGEST, (), 2)]
    assert services.trust().epoch == 2
    with pytest.raises(NotVerified, match="revoked"):
        push(team, ana)


def test_revoking_leaves_what_others_signed_alone() -> None:
    ana, ben, team = signer(), signer(), NamespaceFactory().team
    key = ana.known("ana")
    ben.known("ben")
    other = "sha256:" + "b" * 64
    push(team, ana, ben)
    push(team, digest=other, envelope=envelope(ben, said=statement(digest=other)))
    version = told().version

    keys.revoke(key, by=platform_admin(), reason="gone", now=NOW)

    # A cluster forgets what an older epoch said: what still holds is told again.
    after = told(since=version).facts
    assert [(fact.digest, fact.key_ids, fact.epoch) for fact in after] == [
        (DIGEST, (ben.key_id,), 2),
        (other, (ben.key_id,), 2),
    ]


def test_revoking_again_and_again_keeps_the_order_of_what_is_told() -> None:
    ben, team = signer(), TeamFactory()
    ben.known("ben")
    digests = [f"sha256:{letter * 64}" for letter in "abc"]
    for digest in digests:
        push(team, digest=digest, envelope=envelope(ben, said=statement(digest=digest)))

    for number in range(3):
        since = told().version
        key = signer().known(f"other-{number}")
        keys.revoke(key, by=platform_admin(), reason="gone", now=NOW)
        assert [fact.digest for fact in told(since=since).facts] == digests

    assert told().version == services.trust().version == 12
    assert {fact.epoch for fact in told().facts} == {services.trust().epoch}


def test_facts_come_in_the_order_they_were_written_and_only_what_is_new() -> None:
    ana, team = signer(), TeamFactory()
    ana.known("ci")
    first = push(team, ana)
    version = told().version
    other = "sha256:" + "b" * 64
    push(team, digest=other, envelope=envelope(ana, said=statement(digest=other)))

    delta = told(since=version)

    assert first.version == version
    assert [(delta.since, delta.version), [f.digest for f in delta.facts]] == [
        (version, version + 1),
        [other],
    ]
    assert told(since=delta.version).facts == ()
    assert told(since=delta.version).version == delta.version


def test_what_was_said_before_is_not_told_again() -> None:
    ana, team = signer(), TeamFactory()
    ana.known("ci")
    push(team, ana)

    assert push(team, ana).version == told().version == 1


def test_attestations_add_up_beside_signatures() -> None:
    ana, team = signer(), NamespaceFactory().team
    ana.known("ci")
    policy(
        allow=[HARBOR],
        attestations=[{"type": "https://spdx.dev", "keys": ["ci"], "repositories": [HARBOR]}],
    )
    push(team, ana)
    assert not runs(team)

    push(team, envelope=envelope(ana, said=statement(predicateType="https://spdx.dev")))

    assert runs(team)
    assert told().facts[0].attestations[0].key_ids == (ana.key_id,)


@pytest.mark.parametrize(
    ("repository", "digest", "says"),
    [
        (f"{REPOSITORY}:1", DIGEST, "without a tag"),
        ("nginx", DIGEST, "docker.io/library/nginx"),
        ("HARBOR.corp.example/payments/api", DIGEST, "harbor.corp.example"),
        (REPOSITORY, "sha256:short", "no digest"),
        (f"{REPOSITORY}@{DIGEST}", DIGEST, "no image"),
        ("", DIGEST, "no image"),
    ],
)
def test_a_name_that_no_runtime_would_look_up_is_refused(
    repository: str, digest: str, says: str
) -> None:
    ana, team = signer(), TeamFactory()
    ana.known("ci")

    with pytest.raises(DomainError, match=says) as refused:
        push(team, ana, repository=repository, digest=digest)

    assert refused.value.field == "repository"


@pytest.mark.parametrize("who", [viewer_of, lambda _: owner_of(TeamFactory())])
def test_only_the_teams_own_people_push_in_its_name(who: Any) -> None:
    ana, team = signer(), TeamFactory()
    ana.known("ci")

    with pytest.raises(NotAllowed):
        push(team, ana, by=who(team))


def test_a_key_is_there_once_and_is_what_it_was() -> None:
    ana = signer()
    key = ana.known("ci")

    with pytest.raises(DomainError, match="by the name ci"):
        keys.save_key(SigningKey(name="again", pem=ana.pem))
    key.pem = signer().pem
    with pytest.raises(DomainError, match="cannot be changed"):
        keys.save_key(key)


def test_revoking_needs_a_reason_and_is_done_once() -> None:
    key = signer().known("ci")

    with pytest.raises(DomainError, match="Say why"):
        keys.revoke(key, by=platform_admin(), reason=" ", now=NOW)
    keys.revoke(key, by=platform_admin(), reason="gone", now=NOW)
    with pytest.raises(DomainError, match="revoked already"):
        keys.revoke(key, by=platform_admin(), reason="gone", now=NOW)
    assert services.trust().epoch == 2


def test_a_cluster_decides_by_what_it_was_told_as_the_platform_does() -> None:
    ana, ben, here = signer(), signer(), NamespaceFactory()
    key = ana.known("ana")
    ben.known("ben")
    asking(1, "ana", "ben")
    push(here.team, ana)
    held = Verified()

    def runs_there() -> bool:
        public: Any = load_pem_public_key(bundles.public_key().encode())
        told_now = bundles.bundle_for(here.cluster, now=NOW)
        opened = bundle.open_sealed(told_now.envelope, [public], cluster=here.cluster.name)
        held.trust_epoch = opened.trust_epoch
        held.add(told(since=held.version))
        question = question_of(IMAGE, here.name, now=NOW)
        return decide(question, opened.document_for(here.name), held).allowed

    assert (runs(here.team), runs_there()) == (True, True)
    keys.revoke(key, by=platform_admin(), reason="gone", now=NOW)
    assert (runs(here.team), runs_there()) == (False, False)
    push(here.team, ben)
    assert (runs(here.team), runs_there()) == (True, True)


@pytest.mark.parametrize("forgiving", [{"on_error": "allow"}, {"bind_repository": False}])
@pytest.mark.parametrize("about", [REPOSITORY, "harbor.corp.example/payments/other"])
def test_a_policy_of_before_that_forgives_lets_in_nothing_that_was_not_verified(
    forgiving: dict[str, Any], about: str
) -> None:
    ana, here = signer(), NamespaceFactory()
    ana.known("ci")
    asks = {"keys": ["ci"], "repositories": [HARBOR], **forgiving}
    ImagePolicy.objects.create(
        name="before", scope="platform", settings={"allow": [HARBOR], "signature": asks}
    )
    signed_by = signer() if about == REPOSITORY else ana  # somebody unknown, or for another image

    with pytest.raises(NotVerified):
        push(here.team, envelope=envelope(signed_by, said=statement(about)))

    sealed = bundles.bundle_for(here.cluster, now=NOW).envelope
    key: Any = load_pem_public_key(bundles.public_key().encode())
    held, known = bundle.open_sealed(sealed, [key]), Verified()
    known.add(told())
    document = held.document_for(here.name)
    assert document is not None
    assert document.signature is not None
    assert not decide(question_of(IMAGE, here.name), document, known).allowed
    assert not runs(here.team)


def test_another_team_that_pushed_it_first_is_in_nobodys_way_and_facts_add_up() -> None:
    ana, ben = signer(), signer()
    ana.known("ana")
    ben.known("ben")
    first, second = TeamFactory(), TeamFactory()

    theirs = push(first, ana)
    ours = push(second, ben)

    assert (ours.team, theirs.team) == (second, first)
    assert ours.pk != theirs.pk
    assert ours.key_ids == [ben.key_id]
    both = tuple(sorted([ana.key_id, ben.key_id]))
    # Whichever a cluster hears last, it hears of both.
    assert {fact.key_ids for fact in told().facts} == {both}
    assert [fact.key_ids for fact in told(since=theirs.version).facts] == [both]


def test_who_sees_a_team_sees_its_own_row_of_an_image_and_no_others() -> None:
    ana = signer()
    ana.known("ana")
    first, second = TeamFactory(), TeamFactory()
    push(first, ana)
    push(second, ana)

    seen = Artifact.objects.visible_to(member_of(second))

    assert [row.team for row in seen] == [second]
