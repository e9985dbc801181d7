"""What a controller says it is, beside its release: alike, different, or not measured; never invented."""

from datetime import timedelta

import pytest

from controlplane.metrics import versions
from controlplane.metrics.engine import Series
from controlplane.metrics.queries import Answer, Coverage
from controlplane.metrics.versions import Told
from tests.controlplane.metrics.usage.conftest import NOW
from tests.factories import NamespaceFactory

HEARD = Coverage(of=1, seen=1)


def says(version: str, namespace: str = "payments", count: float = 1) -> Series:
    labels = {"cluster": "eu", "namespace": namespace, "version": version}
    return Series(labels, ((NOW.timestamp(), count),))


def fresh(*series: Series) -> Answer:
    return Answer(series, HEARD, "fresh")


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("v4.1.2", ("v4.1.2",)),
        ("v4.1.2", ("4.1.2",)),  # as some builds write it
        ("v4.1.2", ()),
        ("", ("v4.1.2",)),  # comes up: nothing to hold it against
        ("latest", ("latest",)),
    ],
)
def test_what_agrees_or_is_not_known_is_no_difference(release: str, said: tuple[str, ...]) -> None:
    assert Told("payments", release, said).differs == ""


@pytest.mark.parametrize("said", [("v4.0.6",), ("v4.0.6", "v4.1.2"), ("v4.1.2-rc1",)])
def test_a_controller_that_is_another_version_is_one_sentence_with_where_to_look(
    said: tuple[str, ...],
) -> None:
    other = said[0]

    assert Told("payments", "v4.1.2", said).differs == (
        f"The release says v4.1.2, the controller that answers says {other}: its pod was not replaced yet, "
        "or the image of that tag holds another Argo. What answers is what runs. The platform team looks at "
        "the controller's pod in payments-argo."
    )


def test_of_two_that_answer_the_worse_is_held_against_the_advisories() -> None:
    assert Told("payments", "v4.1.2", ("v4.1.2", "v4.0.5")).standing.version == "v4.0.5"
    assert Told("payments", "v4.1.2", ("v4.1.2", "v9.0.0")).standing.version == "v9.0.0"
    assert Told("payments", "v4.1.2").standing.worst is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            Answer(trouble="The metrics engine does not answer."),
            "The metrics engine does not answer.",
        ),
        (
            Answer((says("v4.0.6"),), Coverage(1, 0, 1, NOW - timedelta(minutes=108)), "stale"),
            "last heard on 10 Mar 2026, 10:42 UTC",
        ),
        (Answer(coverage=Coverage(of=1)), versions.NEVER_HEARD),
        (fresh(), "no version of it is heard from eu now"),
        (fresh(says("")), "no version of it is heard from eu now"),
        (fresh(says("v4.0.6", "another")), "no version of it is heard from eu now"),
    ],
)
def test_what_is_not_known_or_old_is_said_to_be_so_and_never_a_version(
    answer: Answer, why: str
) -> None:
    namespace = NamespaceFactory(name="payments", argo_version="v4.1.2")

    [told] = versions.on_cluster("eu", [namespace], answer)

    assert (told.versions, told.why, told.differs) == ((), why, "")


@pytest.mark.django_db
def test_those_that_differ_come_first_and_those_with_advisories_next() -> None:
    made = [NamespaceFactory(name=n, argo_version=v) for n, v in (
        ("a-fine", "v4.1.2"), ("b-old", "v4.0.5"), ("c-other", "v4.1.2")
    )]  # fmt: skip
    answer = fresh(says("v4.1.2", "a-fine"), says("v4.0.5", "b-old"), says("v4.0.6", "c-other"))

    told = versions.on_cluster("eu", made, answer)

    assert [each.name for each in told] == ["c-other", "b-old", "a-fine"]


def test_versions_are_counted_with_how_each_stands() -> None:
    answer = fresh(says("v4.0.5", count=2), says("v4.1.2", count=40), says("", count=9))

    found = [(standing.version, standing.look, n) for standing, n in versions.counted(answer)]

    assert found == [("v4.1.2", "ok", 40), ("v4.0.5", "bad", 2)]
