"""The decision: every case of the repository, and what holds for all inputs."""

import gc
import json
import weakref
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.policies import cases, document, facts, holding
from controlplane.policies.cases import Case
from controlplane.policies.decide import decide
from controlplane.policies.places import ARGO, KINDS
from controlplane.policies.verdict import Asks, Code, Question

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
GOOD = f"harbor.test/payments/api@{DIGEST}"
BAD = f"evil.test/x@{DIGEST}"


def policy(**more):
    return document.read(
        {
            "name": "payments",
            "scopes": [
                {
                    "namespaces": ["payments"],
                    "allow": [{"registry": "harbor.test", "repository": "payments/**"}],
                }
            ],
            "digest": {"required": True},
            **more,
        }
    )


def pod(*images, **more):
    containers = [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]
    return {"spec": {"containers": containers}, **more}


def asked(manifest, *, kind=("", "Pod"), operation="CREATE", **more):
    more = {"namespace": "payments", "now": NOW, **more}
    return Question(*kind, operation, manifest, **more)


@pytest.mark.parametrize("case", cases.shipped(), ids=lambda case: case.id)
def test_every_case_of_the_repository_is_decided_as_it_says(case: Case):
    verdict = decide(case.question(NOW), case.policy, case.known_facts())

    assert ("allow" if verdict.allowed else "deny") == case.expect, verdict
    if case.expect_reported is not None:
        assert bool(verdict.reported) == case.expect_reported, verdict
    assert verdict.allowed == (not verdict.violations)


def test_the_cases_cover_every_row_of_the_catalogue():
    rows = {int(case.id.partition("-")[0]) for case in cases.shipped()}

    assert rows == set(range(1, 103))


def test_a_denial_says_where_what_and_every_rule_it_breaks():
    verdict = decide(asked(pod(GOOD, "evil.test/x:1")), policy())

    assert [(v.path, v.container, v.image, v.code) for v in verdict.violations] == [
        ("spec.containers[1].image", "c1", "evil.test/x:1", Code.NOT_ALLOWED),
        ("spec.containers[1].image", "c1", "evil.test/x:1", Code.NO_DIGEST),
    ]


def test_without_a_policy_nothing_runs():
    assert not decide(asked(pod(GOOD)), None).allowed
    assert decide(asked({"metadata": {}}), None).allowed


def test_a_pod_that_says_no_namespace_is_in_no_scope():
    everywhere = policy(
        scopes=[{"namespaces": [""], "allow": [{"registry": "harbor.test"}]}],
        exempt_namespaces=[""],
    )

    assert not decide(asked(pod(GOOD), namespace=""), everywhere).allowed


def test_the_namespace_of_the_request_counts_before_the_objects_own():
    claims = pod(GOOD, metadata={"namespace": "payments"})

    assert not decide(asked(claims, namespace="refunds"), policy()).allowed
    assert decide(asked(claims, namespace=""), policy()).allowed


@pytest.mark.parametrize("operation", ["", "create", "PATCH", "APPROVE"])
def test_an_operation_nobody_knows_is_denied(operation):
    assert not decide(asked(pod(GOOD), operation=operation), policy()).allowed
    assert not decide(asked(pod(GOOD), operation=operation, subresource="scale"), policy()).allowed


@pytest.mark.parametrize("nothing", [None, [], "text"])
def test_no_object_is_denied_but_for_a_deletion(nothing):
    assert not decide(asked(nothing), policy()).allowed
    assert decide(asked(nothing, operation="DELETE"), policy()).allowed


def test_an_update_without_an_old_object_is_judged_whole():
    assert not decide(asked(pod(BAD), operation="UPDATE"), policy()).allowed


def test_a_creation_cannot_be_forgiven_by_an_old_object():
    assert not decide(asked(pod(BAD), old_object=pod(BAD)), policy()).allowed


def test_without_a_clock_no_exemption_holds():
    exempted = policy(
        exemptions=[{"image": BAD, "approved_by": "carol", "not_after": "2026-12-01T00:00:00Z"}]
    )

    assert decide(asked(pod(BAD)), exempted).allowed
    assert not decide(asked(pod(BAD), now=None), exempted).allowed


def test_an_exemption_ends_without_anybody_doing_anything():
    end = NOW + timedelta(days=1)
    exempted = policy(
        exemptions=[{"image": BAD, "approved_by": "carol", "not_after": end.isoformat()}]
    )

    assert decide(asked(pod(BAD), now=end - timedelta(seconds=1)), exempted).allowed
    assert not decide(asked(pod(BAD), now=end), exempted).allowed


def test_a_moment_without_a_zone_is_in_utc():
    exempted = policy(
        exemptions=[{"image": BAD, "approved_by": "carol", "not_after": "2026-11-21T12:00:01"}]
    )

    assert decide(asked(pod(BAD)), exempted).allowed
    assert decide(asked(pod(BAD), now=NOW.replace(tzinfo=None)), exempted).allowed


@pytest.mark.parametrize("image", ["", " ", "https://x", "{{inputs.parameters.i}}"])
def test_what_names_no_image_cannot_be_exempted(image):
    exempted = policy(
        exemptions=[{"image": image, "approved_by": "carol", "not_after": "2026-12-01T00:00:00Z"}]
    )

    assert not decide(asked(pod(image)), exempted).allowed


def test_an_audited_policy_denies_nothing_and_tells_all():
    verdict = decide(asked(pod(BAD, "")), policy(mode="audit"))

    assert verdict.allowed
    assert [v.code for v in verdict.reported] == [Code.NOT_ALLOWED, Code.BLANK]


def test_why_the_api_server_must_ask_is_told():
    signed = policy(signature={"keys": ["ci"]})
    exempted = policy(
        exemptions=[{"image": BAD, "approved_by": "carol", "not_after": "2026-12-01T00:00:00Z"}]
    )
    patched = {"spec": {"podSpecPatch": "a: b"}}

    assert decide(asked(pod(GOOD)), policy()).asked == set()
    assert decide(asked(pod(GOOD)), signed).asked == {Asks.SIGNATURE}
    assert decide(asked(pod(BAD)), exempted).asked == {Asks.EXEMPTION}
    assert decide(asked(patched, kind=(ARGO, "Workflow")), policy()).asked == {Asks.PATCH}


def test_a_push_that_nobody_saw_is_told_as_that():
    (violation,) = decide(asked(pod(GOOD)), policy(signature={"keys": ["ci"]})).violations

    assert violation.code is Code.UNKNOWN_DIGEST
    assert "push event was not seen" in violation.reason


@pytest.mark.parametrize("deny", [[], [{"registry": "evil.test"}]])
def test_who_signed_an_image_is_no_matter_of_those_who_may_not_run_it(deny):
    signed = policy(signature={"keys": ["ci"]}, deny=deny)
    pinned = f"evil.test/miner@sha256:{'a' * 64}"
    known = facts.read({pinned: {"signatures": [{"key": "somebody"}]}})

    answers = [decide(asked(pod(pinned)), signed, held) for held in (known, facts.NO_FACTS)]

    assert answers[0] == answers[1]
    assert not answers[0].allowed
    assert not {v.code for v in answers[0].violations} & {Code.SIGNATURE, Code.UNKNOWN_DIGEST}


def test_a_threshold_of_nothing_still_wants_one_signature():
    unsigned = facts.read({GOOD: {"signatures": []}})

    assert not decide(
        asked(pod(GOOD)), policy(signature={"keys": ["ci"], "threshold": 0}), unsigned
    ).allowed


def test_a_pattern_that_cannot_be_read_fits_no_tag():
    broken = policy(tags={"require_pattern": "("}, digest={"required": False})

    assert not decide(asked(pod("harbor.test/payments/api:1")), broken).allowed


def test_an_image_named_in_a_hundred_places_is_told_in_each():
    verdict = decide(asked(pod(*[BAD] * 100)), policy())

    assert len(verdict.violations) == 100


def test_a_policy_that_is_gone_leaves_nothing_behind():
    wanted = policy(name="soon gone")
    assert decide(asked(pod(GOOD)), wanted).allowed
    gone = weakref.ref(wanted)
    kept = len(holding._kept)

    del wanted
    gc.collect()

    assert gone() is None
    assert len(holding._kept) < kept


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from([GOOD, BAD, "", " ", "payments", "{{x}}", "a: b", "node", "2026"])
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "spec", "template", "jobTemplate", "containers", "initContainers", "volumes", "image",
            "reference", "templates", "container", "steps", "inline", "status", "storedTemplates",
            "podSpecPatch", "templateDefaults", "workflowSpec", "name", "metadata", "annotations",
            "namespace", "nodeName", "kubernetes.io/config.mirror", "resource", "manifest",
        ]),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip
POLICIES = st.sampled_from(
    [
        policy(),
        policy(mode="audit"),
        policy(controllers="warn", mirror_pods="allow"),
        policy(default="allow", deny=[{"registry": "evil.test"}], on_unparsable="allow"),
        policy(signature={"keys": ["ci"]}, attestations=[{"type": "t", "keys": ["ci"]}]),
        policy(argo={"templated": "defer", "resource_manifests": "scan"}, update_mode="all"),
        policy(exemptions=[{"image": BAD, "approved_by": "c", "not_after": "2026-12-01T00:00:00"}]),
        None,
    ]
)
KIND = st.sampled_from([*sorted(KINDS), ("", "Secret")])
OPERATION = st.sampled_from(["CREATE", "UPDATE", "DELETE", "CONNECT", "?"])


@settings(max_examples=600, deadline=None)
@given(KIND, OPERATION, JSON, JSON, POLICIES, st.sampled_from(["", "status", "scale"]))
def test_no_input_makes_it_raise(kind, operation, new, old, wanted, subresource):
    question = asked(new, kind=kind, operation=operation, old_object=old, subresource=subresource)

    verdict = decide(question, wanted)

    assert verdict.allowed == (not verdict.violations)


@settings(max_examples=300, deadline=None)
@given(KIND, JSON, POLICIES)
def test_the_order_of_keys_and_the_way_over_the_wire_change_nothing(kind, manifest, wanted):
    again = json.loads(json.dumps(manifest, sort_keys=True))

    assert decide(asked(manifest, kind=kind), wanted) == decide(asked(again, kind=kind), wanted)


@settings(max_examples=200, deadline=None)
@given(KIND, JSON, POLICIES)
def test_what_did_not_change_is_not_judged_again(kind, manifest, wanted):
    grandfathers = wanted is None or wanted.update_mode == "changed-only"
    question = asked(manifest, kind=kind, operation="UPDATE", old_object=manifest)

    verdict = decide(question, wanted)

    assert verdict.allowed or not grandfathers or not isinstance(manifest, dict)


@settings(max_examples=200, deadline=None)
@given(JSON, st.sampled_from([policy(), policy(default="allow"), None]))
def test_a_bad_image_beside_anything_is_denied(other, wanted):
    containers = [{"name": "a", "image": other}, {"name": "b", "image": "b@d"}]

    assert not decide(asked({"spec": {"containers": containers}}), wanted).allowed
