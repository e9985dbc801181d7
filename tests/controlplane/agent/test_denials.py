"""A denial of ours is found in what others wrapped it in, and nobody else's is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.agent.denials import CUT_OFF, MISSING, NO_ANSWER, By, denial_in
from controlplane.policies.sentences import denial
from controlplane.policies.verdict import Code, Verdict, Violation

LINK = "https://argosy.test/denied/abc"
EVIL = Violation(
    "spec.templates[0].container.image",
    "main",
    "evil.io/x:1",
    Code.NOT_ALLOWED,
    "no rule allows it",
)
LATEST = Violation(
    "spec.initContainers[1].image", "", "harbor/x:latest", Code.TAG, "this tag moves"
)
BARE = Violation("", "", "", Code.SHAPE, "there must be an object")
HOOK = 'admission webhook "images.argosy.dev" denied the request: '
POLICY = (
    "pods \"web-1\" is forbidden: ValidatingAdmissionPolicy 'argosy-images-pods' with binding "
    "'argosy-images-enforce' denied request: "
)


def words(*violations: Violation, link: str = LINK) -> str:
    return denial(Verdict(allowed=False, violations=violations), link)


def test_every_violation_is_read_as_it_was_written() -> None:
    found = denial_in(f"Error creating: {HOOK}{words(EVIL, LATEST)}")

    assert found is not None
    assert (found.by, found.link) == (By.WEBHOOK, LINK)
    assert [(s.path, s.container, s.image, s.code, s.reason) for s in found.violations] == [
        (v.path, v.container, v.image, str(v.code), v.reason) for v in (EVIL, LATEST)
    ]


def test_the_api_servers_own_policy_is_known_by_its_name_and_names_the_object() -> None:
    found = denial_in(POLICY + words(EVIL, link=""))

    assert found is not None
    assert (found.by, found.name, found.link) == (By.POLICY, "web-1", "")
    assert found.violations[0].image == "evil.io/x:1"


def test_the_one_line_that_cel_can_say_is_read_as_lines() -> None:
    found = denial_in(
        f'{POLICY}The image policy denies this. main: image "evil.io/x": no rule allows it [not-allowed] | '
        'side: image "harbor/x:latest": its tag is not allowed [forbidden-tag] | … and 3 more. | '
        f"Ask for an exemption: {LINK} (rules 12ab34cd)"
    )

    assert found is not None
    assert found.link == LINK
    assert [(s.container, s.image, s.code) for s in found.violations] == [
        ("main", "evil.io/x", "not-allowed"),
        ("side", "harbor/x:latest", "forbidden-tag"),
    ]


def test_without_a_link_the_last_line_ends_with_the_rules_that_spoke() -> None:
    found = denial_in(
        f'{POLICY}The image policy denies this. main: image "evil.io/x": no rule [not-allowed] (rules 12ab)'
    )

    assert found is not None
    assert [(s.container, s.code) for s in found.violations] == [("main", "not-allowed")]


def test_a_team_whose_rules_are_missing_is_told_that() -> None:
    found = denial_in(
        f"{POLICY}The image policy denies this. The rules of payments are not on this cluster yet, and until "
        "then nothing may run; they arrive within a minute. (rules 12ab34cd)"
    )

    assert found is not None
    assert found.violations[0].code == MISSING


def test_of_what_an_event_cut_off_as_much_is_read_as_stands_there() -> None:
    text = (POLICY + words(EVIL))[: len(POLICY) + 70 + len("The image policy denies this.\n")]

    found = denial_in(text)

    assert found is not None
    assert [(s.image, s.code) for s in found.violations] == [("evil.io/x:1", CUT_OFF)]


def test_a_whole_line_before_the_cut_is_enough() -> None:
    found = denial_in((POLICY + words(EVIL, LATEST))[:-80])

    assert found is not None
    assert [s.image for s in found.violations] == ["evil.io/x:1"]


def test_a_webhook_that_did_not_answer_is_said_to_be_that() -> None:
    found = denial_in(
        'Internal error occurred: failed calling webhook "asks.pods.images.argosy.dev": connection refused'
    )

    assert found is not None
    assert found.by is By.NOBODY
    assert found.violations[0].code == NO_ANSWER


def test_a_path_with_spaces_and_an_object_without_a_path_are_read() -> None:
    patched = Violation(
        "spec.templates[0].podSpecPatch: spec.containers[0].image",
        "main", "evil.io/x", Code.NOT_ALLOWED, "no rule allows it",
    )  # fmt: skip

    found = denial_in(HOOK + words(patched, BARE))

    assert found is not None
    assert [s.path for s in found.violations] == [patched.path, ""]


@pytest.mark.parametrize(
    "text",
    [
        "",
        'pods "x" is forbidden: exceeded quota: team, requested: pods=1',
        "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'argosy-workload-pods' denied request: no",
        'admission webhook "images.kyverno.svc" denied the request: image "x" [not-allowed]',
        'admission webhook "evil.images.argosy.dev.example" denied the request: no',
    ],
)
def test_what_others_deny_is_not_ours(text: str) -> None:
    assert denial_in(text) is None


@given(st.text(max_size=2000))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    denial_in(text)
    found = denial_in(POLICY + text)
    assert found is not None
    assert found.violations


def test_a_long_line_is_read_in_time() -> None:
    found = denial_in(POLICY + "a" * 6000 + " (" * 3000)

    assert found is not None
