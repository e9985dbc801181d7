"""How versions of Argo stand: by the table that comes with the platform, and by its rules of comparing."""

import pytest

from controlplane.advisories.lookup import Flag, affects, known, refusal
from controlplane.advisories.table import Advisory, Range, argo_workflows
from controlplane.advisories.versions import Version, read

F, V, E, N, U = Flag.FORBIDDEN, Flag.VULNERABLE, Flag.ENDED, Flag.ENDING, Flag.UNKNOWN


@pytest.mark.parametrize(
    ("version", "flags"),
    [
        ("v4.1.2", ()),
        ("4.1.2", ()),
        ("v4.1.4", ()),
        ("v4.0.6", ()),
        ("v4.0.10", ()),
        ("v4.0.5", (V,)),
        ("v4.0.6-rc1", (V,)),
        ("v4.0.0-rc2", (V,)),
        ("v3.7.15", (N,)),
        ("v3.7.18", (N,)),
        ("v3.7.14", (V, N)),
        ("v3.6.19", (V, E)),
        ("v3.4.18", (V, E)),
        ("v2.12.13", (V, E)),
        ("v4.1.0", (F,)),
        ("v4.1.1", (F,)),
        ("v4.2.0", (U,)),
        ("v5.0.0", (U,)),
        ("latest", (U,)),
        ("v4.1", (U,)),
        ("", ()),
    ],
)
def test_each_version_stands_as_the_advisories_say(version: str, flags: tuple[Flag, ...]) -> None:
    assert known(version).flags == flags


def test_a_vulnerable_one_names_its_advisories_and_the_way_out() -> None:
    standing = known("v4.0.5")

    assert [each.id for each in standing.advisories] == ["CVE-2026-54526"]
    assert standing.sentences == (
        "CVE-2026-54526: fields of artifact garbage collection pass by the Strict and Secure modes.",
    )
    assert standing.way_out == "Bring it to v4.0.6 or newer of its line, or to v4.1.2."
    assert known("v3.6.19").way_out == "Bring it to v4.1.2."
    assert known("v3.7.2").way_out.startswith("Bring it to v3.7.15 or newer of its line")


@pytest.mark.parametrize("version", ["v4.1.0", "4.1.1"])
def test_a_forbidden_one_is_refused_with_a_sentence(version: str) -> None:
    said = refusal(version, argo_workflows())

    assert said.startswith(f"{version} is never to be installed: its SSO cookie is too large")
    assert said.endswith("Bring it to v4.1.2.")


@pytest.mark.parametrize("version", ["v4.1.2", "v4.0.5", "v3.6.1", "latest", ""])
def test_what_is_only_old_is_shown_and_not_refused(version: str) -> None:
    assert refusal(version, argo_workflows()) == ""


def test_what_the_platform_recommends_is_well_and_every_end_of_a_range_is_a_version() -> None:
    table = argo_workflows()

    assert known(table.recommended).flags == ()
    for advisory in table.advisories:
        for each in advisory.ranges:
            assert each.fixed or each.introduced
            assert all(read(end) for end in (each.introduced, each.fixed) if end)
            if each.introduced and each.fixed:
                assert read(each.introduced) < read(each.fixed)  # type: ignore[operator]
    assert len({each.id for each in table.advisories}) == len(table.advisories) == 20


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("1.9.9", False),
        ("2.0.0-rc1", True),  # on the way to what brought it
        ("2.0.0", True),
        ("2.0.9", True),
        ("2.1.0-rc9", True),  # not yet what fixed it
        ("2.1.0", False),
    ],
)
def test_a_range_holds_its_beginning_and_not_its_end(version: str, *, affected: bool) -> None:
    advisory = Advisory("X", "x", (Range(introduced="2.0.0", fixed="2.1.0"),))
    found = read(version)

    assert found is not None
    assert affects(advisory, found) is affected


def test_versions_are_in_the_order_of_their_releases() -> None:
    names = ["3.9.9", "4.0.0-rc2", "4.0.0-rc10", "4.0.0", "4.0.2", "4.0.10", "4.10.0"]
    found = [read(name) for name in names]

    found.reverse()
    assert sorted(found) == found[::-1]  # type: ignore[type-var]
    found.reverse()
    assert [str(each) for each in found] == names


@pytest.mark.parametrize(
    "said",
    ["", "v", "4", "4.1", "4.1.x", "v4.1.2\n", "4.1.2.3", "٤.1.2", "4.1.2-", "9" * 9 + ".0.0"],
)
def test_what_is_no_version_is_none(said: str) -> None:
    assert read(said) is None


def test_what_a_registry_adds_to_a_tag_is_no_part_of_the_order() -> None:
    assert read("v4.1.2+build.7") == Version((4, 1, 2))
