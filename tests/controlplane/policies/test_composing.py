"""What binds a team, out of everything that is said about it."""

from dataclasses import replace
from typing import Any

import pytest

from controlplane.policies import checking, composing, saying
from controlplane.policies.checking import problems_with
from controlplane.policies.decide import decide
from controlplane.policies.document import Document, NotAPolicy, Repositories
from controlplane.policies.saying import Conflict, Place, Policy, Said
from tests.images import FOREIGN, HARBOR, IMAGE

EXECUTOR = "quay.io/argoproj/argoexec:v4.1.2"
CONTROLLER = "quay.io/argoproj/workflow-controller:v4.1.2"
PLACES = (Place("payments", "payments", "small"), Place("atlas", "atlas", "large"))


def policy(name: str = "p", *, scope: str = "platform", about: str = "", **said: Any) -> Policy:
    whom = {scope: about} if scope in {"tier", "team"} else {}
    return Policy(name, scope, saying.read(said), **whom)


def said(*policies: Policy, **more: Any) -> Said:
    return Said(policies=policies, argo_images=(EXECUTOR, CONTROLLER), **more)


def of(team: str, everything: Said) -> Document:
    return composing.documents(everything, PLACES)[team]


def runs(image: str, namespace: str, document: Document) -> bool:
    return decide(checking.question_of(image, namespace), document).allowed


def test_where_nobody_says_anything_only_the_platforms_argo_runs() -> None:
    payments = of("payments", said())

    assert runs(EXECUTOR, "payments", payments)
    assert not runs(IMAGE, "payments", payments)


def test_who_lists_what_is_allowed_has_denied_the_rest() -> None:
    listed = of("payments", said(policy("open", default="allow"), policy("list", allow=[HARBOR])))
    outspoken = of("payments", said(policy("list", allow=[HARBOR], default="allow")))

    assert runs(IMAGE, "payments", listed)
    assert not runs(FOREIGN, "payments", listed)
    assert runs(FOREIGN, "payments", outspoken)


def test_a_policy_binds_whom_it_is_about_and_nobody_else() -> None:
    everything = said(
        policy("of-team", scope="team", about="payments", allow=[HARBOR]),
        policy("of-tier", scope="tier", about="large", deny=[{"registry": "quay.io.example"}]),
    )

    assert runs(IMAGE, "payments", of("payments", everything))
    assert not runs(IMAGE, "atlas", of("atlas", everything))
    assert of("payments", everything).deny == ()
    assert of("atlas", everything).deny == (Repositories("quay.io.example"),)


def test_allows_and_denials_add_up_and_a_denial_wins() -> None:
    other = {"registry": "ghcr.io", "repository": "corp/**"}
    one = policy("one", allow=[HARBOR])
    two = policy("two", scope="team", about="payments", allow=[other, HARBOR])
    ban = policy("ban", deny=[{**HARBOR, "repository": "payments/old"}])

    document = of("payments", said(one, two, ban))

    assert [entry.registry for entry in document.scopes[0].allow] == [
        "quay.io",
        "quay.io",
        "harbor.corp.example",
        "ghcr.io",
    ]
    assert runs("ghcr.io/corp/x:1", "payments", document)
    assert not runs("harbor.corp.example/payments/old:1", "payments", document)


@pytest.mark.parametrize(
    ("lax", "strict", "expected"),
    [
        ({"default": "allow"}, {"default": "deny"}, {"default": "deny"}),
        ({"canonical_host": "normalise"}, {"canonical_host": "require"}, {}),
        ({"update_mode": "changed-only"}, {"update_mode": "all"}, {"update_mode": "all"}),
        ({"controllers": "warn"}, {"controllers": "enforce"}, {"controllers": "enforce"}),
        ({"on_unparsable": "allow"}, {"on_unparsable": "deny"}, {"on_unparsable": "deny"}),
        ({"blank_image": "allow"}, {"blank_image": "deny"}, {"blank_image": "deny"}),
        ({"mirror_pods": "allow"}, {"mirror_pods": "deny"}, {"mirror_pods": "deny"}),
    ],
)
def test_of_two_requirements_the_stricter_one_holds(
    lax: dict[str, Any], strict: dict[str, Any], expected: dict[str, Any]
) -> None:
    for order in ((lax, strict), (strict, lax)):
        document = of("payments", said(*(policy(f"p{n}", **each) for n, each in enumerate(order))))
        for field, value in (expected or strict).items():
            assert getattr(document, field) == value
    alone = of("payments", said(policy(**lax)))
    assert all(getattr(alone, field) == value for field, value in lax.items())


def test_tags_digests_and_argos_rules_add_up() -> None:
    document = of(
        "payments",
        said(
            policy("one", tags={"forbid": ["latest"]}, digest={"algorithms": ["sha256", "sha512"]}),
            policy(
                "two",
                tags={"forbid": ["dev", "latest"], "with_digest": "check"},
                digest={"algorithms": ["sha512"]},
                argo={"resource_manifests": "scan"},
            ),
            policy("three", argo={"templated": "defer"}),
        ),
    )

    assert (document.tags.forbid, document.tags.with_digest) == (("latest", "dev"), "check")
    assert document.digest.algorithms == ("sha512",)
    assert (document.argo.templated, document.argo.resource_manifests) == ("defer", "scan")


@pytest.mark.parametrize(
    ("one", "two", "field"),
    [
        ({"tags": {"require_pattern": "v.*"}}, {"tags": {"require_pattern": "r.*"}}, "tags"),
        ({"digest": {"algorithms": ["sha256"]}}, {"digest": {"algorithms": ["sha512"]}}, "digest"),
        ({"signature": {"keys": ["k1"]}}, {"signature": {"keys": ["k2"]}}, "signature"),
    ],
)
def test_what_cannot_be_one_policy_is_refused_and_both_are_named(
    one: dict[str, Any], two: dict[str, Any], field: str
) -> None:
    everything = said(policy("first", **one), policy("second", **two))

    with pytest.raises(Conflict, match=rf"^{field}.*first and second"):
        checking.check(everything, [])


def test_one_teams_contradiction_shuts_that_team_and_no_other() -> None:
    everything = said(
        policy("all", allow=[HARBOR], tags={"require_pattern": "v.*"}),
        policy("theirs", scope="team", about="payments", tags={"require_pattern": "r.*"}),
    )
    tagged = "harbor.corp.example/payments/api:v1"

    assert not runs(tagged, "payments", of("payments", everything))
    assert runs(EXECUTOR, "payments", of("payments", everything))
    assert runs(tagged, "atlas", of("atlas", everything))


def test_the_same_signers_asked_for_twice_are_one_requirement() -> None:
    asks = {"keys": ["ci", "release"], "threshold": 2}
    other = {"registry": "ghcr.io", "repository": "corp/**"}
    everything = said(
        policy("one", signature={**asks, "repositories": [HARBOR], "on_error": "allow"}),
        policy("two", signature={**asks, "repositories": [other], "bind_repository": False}),
        keys={"ci": "id-ci", "release": "id-release"},
        revoked=frozenset({"id-ci"}),
    )

    signature = of("payments", everything).signature

    assert signature is not None
    assert (signature.keys, signature.threshold) == (("id-ci", "id-release"), 2)
    assert signature.revoked == ("id-ci",)
    assert (signature.bind_repository, signature.on_error) == (True, "deny")
    assert len(signature.repositories) == 2


def test_a_revoked_key_attests_nothing() -> None:
    everything = said(
        policy(attestations=[{"type": "sbom", "keys": ["ci"], "repositories": [HARBOR]}]),
        keys={"ci": "id-ci"},
        revoked=frozenset({"id-ci"}),
    )

    assert of("payments", everything).attestations[0].keys == ()
    assert not runs(IMAGE, "payments", of("payments", everything))


def test_control_namespaces_run_the_platforms_argo_whatever_anybody_allows() -> None:
    control = of("control", said(policy(default="allow", allow=[HARBOR])))

    assert control.scopes[0].namespaces == ("atlas-argo", "payments-argo")
    assert runs(CONTROLLER, "payments-argo", control)
    assert not runs(IMAGE, "payments-argo", control)


def test_cluster_scoped_objects_have_a_policy_of_their_own() -> None:
    everything = said(policy("c", scope="cluster", allow=[HARBOR]))

    cluster = of("cluster", everything)

    assert cluster.scopes[0].namespaces == ("",)
    assert cluster.scopes[0].allow[-1].registry == "harbor.corp.example"
    assert not runs(IMAGE, "payments", of("payments", everything))


def test_a_team_in_audit_is_only_reported() -> None:
    everything = said(audited=frozenset({"payments"}))

    assert of("payments", everything).mode == "audit"
    assert of("atlas", everything).mode == "enforce"
    assert of("payments", everything.enforced()).mode == "enforce"


@pytest.mark.parametrize("name", ["kube-system", "default", "argosy-system", "payments-argo"])
def test_a_namespace_of_the_system_is_never_judged(name: str) -> None:
    with pytest.raises(Conflict, match="judged by no policy"):
        composing.documents(said(), (Place(name, "payments", "small"),))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"default": "allow", "deny": [{"registry": "quay.io"}]}, "deny"),
        ({"deny": [{"registry": "quay.io", "repository": "argoproj/argoexec"}]}, "deny"),
        ({"digest": {"required": True}}, "digest.required"),
        ({"tags": {"forbid": ["v4.1.2"]}}, "tags"),
        ({"tags": {"require_pattern": "release-.*"}}, "tags"),
        ({"signature": {"keys": ["id-ci"]}}, "signature"),
        ({"attestations": [{"type": "sbom", "keys": ["id-ci"]}]}, "attestations"),
    ],
)
def test_what_would_keep_the_platforms_own_argo_out_is_refused(
    settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(Conflict) as refused:
        checking.check(said(policy(**settings), keys={"ci": "id-ci"}), [])

    assert refused.value.sentence.startswith(f"{field}: ")
    assert "argoexec:v4.1.2" in refused.value.sentence


def test_a_digest_may_be_required_once_the_platforms_argo_has_one() -> None:
    pinned = tuple(f"{image}@sha256:{'b' * 64}" for image in (EXECUTOR, CONTROLLER))

    checking.check(replace(said(policy(digest={"required": True})), argo_images=pinned), [])


def test_a_policy_of_one_team_is_tried_with_that_teams_others() -> None:
    everything = said(
        policy("all", tags={"require_pattern": "v.*"}),
        policy("theirs", scope="team", about="payments", tags={"require_pattern": "r.*"}),
    )

    checking.check(everything, [("atlas", frozenset())])
    with pytest.raises(Conflict):
        checking.check(everything, [("payments", frozenset())])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"allow": [{"registry": "registry_corp"}]}, "allow[0]: the registry"),
        ({"allow": [{"registry": "corp"}]}, "no `.`"),
        ({"allow": [{"registry": "UPPER.example"}]}, "`upper.example`"),
        ({"allow": [{"registry": "harbor.example:443"}]}, "`harbor.example`"),
        ({"allow": [{"registry": "http://harbor.example"}]}, "cannot be a registry"),
        ({"allow": [{**HARBOR, "repository": "team___a"}]}, "no valid reference"),
        ({"allow": [{**HARBOR, "repository": "pay*"}]}, "none of"),
        ({"allow": [{**HARBOR, "repository": "**/api"}]}, "none of"),
        ({"allow": [{**HARBOR, "repository": "payments/"}]}, "no valid reference"),
        ({"allow": [{**HARBOR, "repository": ""}]}, "no valid reference"),
        ({"allow": [{**HARBOR, "repository": "a" * 256}]}, "no valid reference"),
        ({"deny": [HARBOR, {"registry": "x"}]}, "deny[1]: "),
        ({"allow": [{"registry": "docker.io", "repository": "nginx"}]}, "`library/nginx`"),
        ({"tags": {"forbid": ["a b"]}}, "tags.forbid[0]: "),
        ({"tags": {"require_pattern": "("}}, "tags.require_pattern: "),
        ({"tags": {"require_pattern": "(?=v)v.*"}}, "tags.require_pattern: of groups"),
        ({"tags": {"require_pattern": r"(a)\1"}}, "tags.require_pattern: "),
        ({"tags": {"require_pattern": "a" * 3001}}, "longer than"),
        ({"digest": {"algorithms": ["md5"]}}, "digest.algorithms: "),
        ({"digest": {"algorithms": []}}, "digest.algorithms: "),
        ({"signature": {"keys": ["ci"], "threshold": 2}}, "signature.threshold: "),
        ({"signature": {"keys": ["ci"], "threshold": 0}}, "signature.threshold: "),
        ({"signature": {"keys": ["ci", "id-ci"], "threshold": 2}}, "2 different signers of 1"),
        ({"signature": {"keys": ["nobody"]}}, "no signing key nobody"),
        ({"signature": {"keys": ["ci"], "repositories": [{"registry": "x"}]}}, "repositories[0]"),
        ({"attestations": [{"type": " ", "keys": ["ci"]}]}, "attestations[0].type: "),
        ({"attestations": [{"type": "sbom", "keys": []}]}, "attestations[0].threshold: "),
    ],
)
def test_what_could_never_match_is_a_sentence_with_its_field(
    settings: dict[str, Any], says: str
) -> None:
    found = list(problems_with(policy(**settings), {"ci": "id-ci"}))

    assert any(says in sentence for sentence in found), found


@pytest.mark.parametrize(
    "entry",
    [
        HARBOR,
        {"registry": "localhost", "repository": "x"},
        {"registry": "localhost:5000"},
        {"registry": "10.0.0.1:5000", "repository": "a/b__c/**"},
        {"registry": "[fc00::1]:5000", "repository": "a"},
        {"registry": "docker.io", "repository": "library/nginx"},
        {"registry": "docker.io", "repository": "corp/**"},
    ],
)
def test_what_is_right_has_no_problem(entry: dict[str, str]) -> None:
    assert list(problems_with(policy(allow=[entry]), {})) == []


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"alow": []}, "alow"),
        ({"allow": [{"registry": "x.example", "repo": "y"}]}, "allow[0]"),
        ({"allow": "everything"}, "allow"),
        ({"default": "maybe"}, "default"),
        ({"tags": {"forbid": [1]}}, "tags.forbid[0]"),
        ({"signature": {"keys": ["ci"], "revoked": ["ci"]}}, "revoked"),
        ([], "settings"),
    ],
)
def test_a_misspelt_setting_is_an_error_that_names_it(settings: Any, field: str) -> None:
    with pytest.raises(NotAPolicy) as refused:
        saying.read(settings)

    assert field in str(refused.value)


def test_a_policy_of_control_allows_nothing() -> None:
    sentences = list(problems_with(policy(scope="control", allow=[HARBOR]), {}))

    assert sentences
    assert sentences[0].startswith("allow: control namespaces")


def test_the_same_rows_say_the_same_whatever_their_order() -> None:
    def bundle(*places: Place) -> str:
        return composing.bundle(
            said(policy(allow=[HARBOR])),
            places,
            cluster="eu",
            trust_epoch=1,
            stand_down_until=None,
        ).digest()

    assert bundle(*PLACES) == bundle(*reversed(PLACES))
    assert bundle(*PLACES) != bundle(PLACES[0])
