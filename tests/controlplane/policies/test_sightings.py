"""What agents saw: kept once however often it is posted, bounded, and only of our own namespaces."""

from datetime import timedelta
from typing import Any

import pytest

from controlplane.errors import DomainError
from controlplane.policies import sightings
from controlplane.policies.folding import begun, folded
from controlplane.policies.models import AdmittedImage, Scan, Violation
from controlplane.policies.sightings import Admitted, Scanned
from tests.factories import NamespaceFactory
from tests.images import FOREIGN, IMAGE, NOW, sighting

MINUTE = timedelta(minutes=1)


def record(namespace: Any, **seen: Any) -> sightings.Recorded:
    return sightings.record(cluster=namespace.cluster, **{"now": NOW + 60 * MINUTE, **seen})


def test_a_later_sighting_counts_and_the_same_one_again_does_not() -> None:
    known = begun(sighting("payments"))

    later = folded(known, sighting("payments", minutes=1, source="scanner", state="running"))

    assert (later.count, later.first_seen, later.last_seen) == (2, NOW, NOW + MINUTE)
    assert (later.source, later.state) == ("scanner", "running")
    assert folded(later, sighting("payments", minutes=1)) == later


def test_an_older_sighting_that_comes_late_moves_the_beginning_alone() -> None:
    known = begun(sighting("payments", minutes=1))

    assert folded(known, sighting("payments")).first_seen == NOW
    assert folded(known, sighting("payments")).count == 1


@pytest.mark.django_db
def test_posting_the_same_again_changes_nothing() -> None:
    here = NamespaceFactory()
    post = [sighting(here.name), sighting(here.name, minutes=1), sighting(here.name, name="other")]
    scanned = [Scanned(here.name, NOW, images=3)]

    first = record(here, sightings=post, scanned=scanned)
    before = list(Violation.objects.values()), list(Scan.objects.values())
    second = record(here, sightings=post, scanned=scanned)

    assert (first.new, second.new, second.known) == (2, 0, 2)
    assert (list(Violation.objects.values()), list(Scan.objects.values())) == before
    assert Violation.objects.get(name="hello").count == 2


@pytest.mark.django_db
def test_what_is_of_no_namespace_of_ours_is_not_kept() -> None:
    here, elsewhere = NamespaceFactory(), NamespaceFactory()
    foreign = ["kube-system", "default", elsewhere.name, f"{here.name}-x"]

    recorded = record(
        here,
        sightings=[sighting(name) for name in foreign],
        scanned=[Scanned(name, NOW) for name in foreign],
        admitted=[Admitted(name, IMAGE, NOW) for name in foreign],
    )

    assert (recorded.new, recorded.foreign) == (0, 4)
    assert not Scan.objects.exists()
    assert not AdmittedImage.objects.exists()


@pytest.mark.django_db
def test_the_control_namespace_is_the_teams_and_what_has_none_is_the_platforms() -> None:
    here = NamespaceFactory()

    record(here, sightings=[sighting(f"{here.name}-argo"), sighting("", kind="X")])

    assert [row.team for row in Violation.objects.order_by("namespace")] == [None, here.team]


@pytest.mark.django_db
def test_what_a_scan_does_not_see_any_more_is_gone_and_the_namespace_is_clean() -> None:
    here = NamespaceFactory()
    running = sighting(here.name, state="running", source="scanner")
    record(here, sightings=[running], scanned=[Scanned(here.name, NOW)])
    scan = Scan.objects.get()
    assert (scan.scanned_at, scan.clean_as_of) == (NOW, None)

    record(here, scanned=[Scanned(here.name, NOW + MINUTE)])

    scan.refresh_from_db()
    assert Violation.objects.get().state == "gone"
    assert scan.clean_as_of == NOW + MINUTE


@pytest.mark.django_db
def test_a_namespace_that_was_clean_says_as_of_when() -> None:
    here = NamespaceFactory()
    record(here, scanned=[Scanned(here.name, NOW)])
    again = sighting(here.name, minutes=2, state="running", source="scanner")

    record(here, sightings=[again], scanned=[Scanned(here.name, NOW + 2 * MINUTE)])

    scan = Scan.objects.get()
    assert (scan.scanned_at, scan.clean_as_of) == (NOW + 2 * MINUTE, NOW)


@pytest.mark.django_db
def test_what_was_refused_does_not_keep_a_namespace_from_being_clean() -> None:
    here = NamespaceFactory()

    record(here, sightings=[sighting(here.name)], scanned=[Scanned(here.name, NOW)])

    assert Scan.objects.get().clean_as_of == NOW
    assert Violation.objects.get().state == "refused"


@pytest.mark.django_db
def test_an_old_scan_that_comes_late_changes_nothing() -> None:
    here = NamespaceFactory()
    running = sighting(here.name, minutes=2, state="running", source="scanner")
    record(here, sightings=[running], scanned=[Scanned(here.name, NOW + 2 * MINUTE)])

    record(here, scanned=[Scanned(here.name, NOW)])

    assert Scan.objects.get().scanned_at == NOW + 2 * MINUTE
    assert Violation.objects.get().state == "running"


@pytest.mark.django_db
def test_a_clock_that_goes_ahead_does_not_hide_what_comes_after() -> None:
    here = NamespaceFactory()
    record(here, sightings=[sighting(here.name, minutes=60 * 24)])

    record(here, sightings=[sighting(here.name, minutes=61)], now=NOW + 61 * MINUTE)

    assert Violation.objects.get().count == 2


@pytest.mark.django_db
def test_a_cluster_has_room_for_so_many_and_says_what_it_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sightings, "MOST_KEPT", 3)
    monkeypatch.setattr(sightings, "MOST_ADMITTED", 2)
    here = NamespaceFactory()
    many = [sighting(here.name, name=f"pod-{n}") for n in range(5)]
    images = [Admitted(here.name, f"x.example/{n}:1", NOW) for n in range(4)]

    recorded = record(here, sightings=many, admitted=images)

    assert (recorded.new, recorded.dropped) == (3, 2)
    assert (Violation.objects.count(), AdmittedImage.objects.count()) == (3, 2)
    again = record(here, sightings=[sighting(here.name, name="pod-0", minutes=1)])
    assert again.known == 1


@pytest.mark.django_db
def test_a_post_that_is_too_long_is_refused_whole() -> None:
    here = NamespaceFactory()

    with pytest.raises(DomainError, match="At most 1000"):
        record(here, sightings=[sighting(here.name)] * 1001)


@pytest.mark.django_db
def test_what_was_not_seen_for_long_is_forgotten() -> None:
    here = NamespaceFactory()
    record(here, sightings=[sighting(here.name)], admitted=[Admitted(here.name, IMAGE, NOW)])

    record(here, now=NOW + timedelta(days=91))

    assert not Violation.objects.exists()
    assert not AdmittedImage.objects.exists()


@pytest.mark.django_db
def test_an_admitted_image_is_kept_once_with_its_last_time() -> None:
    here = NamespaceFactory()
    record(here, admitted=[Admitted(here.name, FOREIGN, NOW)])

    record(here, admitted=[Admitted(here.name, FOREIGN, NOW + MINUTE)])

    assert AdmittedImage.objects.get().last_seen == NOW + MINUTE


@pytest.mark.django_db
def test_a_post_of_many_takes_as_many_queries_as_one_of_few(
    django_assert_max_num_queries: Any,
) -> None:
    here = NamespaceFactory()

    def post(count: int) -> dict[str, Any]:
        return {
            "sightings": [sighting(here.name, name=f"{count}-{n}") for n in range(count)],
            "scanned": [Scanned(here.name, NOW + count * MINUTE)],
            "admitted": [Admitted(here.name, f"x.example/{count}-{n}", NOW) for n in range(count)],
        }

    with django_assert_max_num_queries(20) as few:
        record(here, **post(2))
    with django_assert_max_num_queries(20) as many:
        record(here, **post(100))

    assert len(many) <= len(few) + 2


@pytest.mark.django_db
def test_a_team_that_floods_takes_no_other_teams_room_and_keeps_its_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sightings, "MOST_KEPT", 3)
    monkeypatch.setattr(sightings, "MOST_ADMITTED", 3)
    loud = NamespaceFactory()
    other = NamespaceFactory(cluster=loud.cluster)
    for n in range(5):
        record(
            loud,
            sightings=[sighting(loud.name, name=f"pod-{n}", minutes=n)],
            admitted=[Admitted(loud.name, f"x.example/{n}:1", NOW + n * MINUTE)],
        )

    record(other, sightings=[sighting(other.name)], admitted=[Admitted(other.name, IMAGE, NOW)])

    theirs = Violation.objects.filter(team=loud.team).order_by("last_seen")
    assert [row.name for row in theirs] == ["pod-2", "pod-3", "pod-4"]
    assert Violation.objects.filter(team=other.team).count() == 1
    images = AdmittedImage.objects.filter(team=loud.team).order_by("last_seen")
    assert [row.image for row in images] == [f"x.example/{n}:1" for n in (2, 3, 4)]
    assert AdmittedImage.objects.filter(team=other.team).count() == 1


@pytest.mark.django_db
def test_what_runs_is_kept_before_what_was_refused_and_is_never_called_clean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sightings, "MOST_KEPT", 1)
    here = NamespaceFactory()
    there = NamespaceFactory(team=here.team, cluster=here.cluster)
    running = [sighting(n.name, state="running", source="scanner") for n in (here, there)]

    record(
        here,
        sightings=[*running, sighting(here.name, minutes=5)],
        scanned=[Scanned(n.name, NOW) for n in (here, there)],
    )

    assert Violation.objects.get().state == "running"
    assert not Scan.objects.exclude(clean_as_of=None).exists()
