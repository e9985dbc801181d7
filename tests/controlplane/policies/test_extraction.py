"""Which images an object names, and where."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.policies.extraction import (
    LONGEST_NAME,
    MOST_FOUND,
    MOST_TEXTS,
    findings,
    images_in,
)
from controlplane.policies.places import ARGO, KINDS
from controlplane.policies.verdict import Code


def pod(**spec):
    return images_in("", "Pod", {"spec": spec})


def workflow(**spec):
    return images_in(ARGO, "Workflow", {"spec": spec})


def test_every_place_of_a_pod_is_found_with_its_path_and_name():
    found = pod(
        initContainers=[{"name": "i", "image": "a"}],
        containers=[{"name": "m", "image": "b"}, {"name": "n", "image": "c"}],
        ephemeralContainers=[{"name": "e", "image": "d"}],
        volumes=[{"name": "v", "image": {"reference": "f"}}, {"name": "w", "emptyDir": {}}],
    )

    assert [(f.path, f.container, f.image) for f in found] == [
        ("spec.initContainers[0].image", "i", "a"),
        ("spec.containers[0].image", "m", "b"),
        ("spec.containers[1].image", "n", "c"),
        ("spec.ephemeralContainers[0].image", "e", "d"),
        ("spec.volumes[0].image.reference", "v", "f"),
    ]


def test_a_container_without_an_image_is_blank():
    assert [f.image for f in pod(containers=[{"name": "m"}])] == [""]
    assert [f.image for f in pod(containers=[{"name": "m", "image": None}])] == [""]


def test_what_is_null_is_not_there():
    assert pod(initContainers=None, volumes=None, containers=[{"name": "m", "image": "a"}]) == (
        images_in("", "Pod", {"spec": {"containers": [{"name": "m", "image": "a"}]}})
    )
    assert images_in("", "Pod", {"spec": None}) == ()


def test_names_in_other_letters_are_other_names():
    assert pod(Containers=[{"image": "a"}]) == ()
    assert [f.image for f in pod(containers=[{"name": "m", "Image": "a"}])] == [""]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("text", "spec"),
        ([], "spec"),
        ({"containers": {"a": {}}}, "spec.containers"),
        ({"containers": "a"}, "spec.containers"),
        ({"containers": [None]}, "spec.containers[0]"),
        ({"containers": [{"image": "good"}, 5]}, "spec.containers[1]"),
        ({"containers": [{"image": 5}]}, "spec.containers[0].image"),
        ({"containers": [{"image": ["a"]}]}, "spec.containers[0].image"),
        ({"volumes": [{"image": "a"}]}, "spec.volumes[0].image"),
        ({"volumes": [{"image": {"reference": True}}]}, "spec.volumes[0].image.reference"),
    ],
)
def test_a_wrong_shape_is_a_finding_with_its_path(spec, path):
    wrong = [f for f in images_in("", "Pod", {"spec": spec}) if f.problem]

    assert [(f.problem, f.path) for f in wrong] == [(Code.SHAPE, path)]


def test_something_else_than_an_object_is_a_finding():
    assert [f.problem for f in images_in("", "Pod", ["a"])] == [Code.SHAPE]


def test_a_kind_that_holds_no_images_has_none():
    assert images_in("", "ConfigMap", {"spec": {"containers": [{"image": "a"}]}}) == ()
    assert images_in("extensions", "Deployment", {"spec": 5}) == ()


def test_an_image_of_a_template_carries_the_templates_name():
    (found,) = workflow(templates=[{"name": "build", "container": {"image": "a"}}])

    assert (found.path, found.container) == ("spec.templates[0].container.image", "build")


def test_a_main_container_may_take_its_image_from_the_defaults_of_its_own_spec():
    bare = {"name": "t", "container": {}, "script": {}}

    assert [f.image for f in workflow(templates=[bare])] == ["", ""]
    assert [
        f.path for f in workflow(templates=[bare], templateDefaults={"container": {"image": "a"}})
    ] == ["spec.templates[0].script.image", "spec.templateDefaults.container.image"]


def test_a_blank_default_is_no_default():
    found = workflow(templates=[{"container": {}}], templateDefaults={"container": {"image": " "}})

    assert [f.image for f in found] == ["", " "]


def test_defaults_of_one_spec_do_not_reach_into_another():
    found = images_in(
        ARGO,
        "Workflow",
        {
            "spec": {"templateDefaults": {"container": {"image": "a"}}},
            "status": {"storedWorkflowTemplateSpec": {"templates": [{"container": {}}]}},
        },
    )

    assert [f.image for f in found] == ["a", ""]


def test_templates_nested_without_end_are_a_finding_and_no_crash():
    nested: dict[str, object] = {"container": {"image": "deep"}}
    for _ in range(200):
        nested = {"steps": [[{"inline": nested}]]}

    assert [f.problem for f in workflow(templates=[nested])] == [Code.SHAPE]


PATCH = {"containers": [{"name": "main", "image": "x"}]}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(PATCH),
        "containers:\n- name: main\n  image: x\n",
        "containers: [{name: main, image: x}]",
        "---\ncontainers: [{name: main, 'image': \"x\"}]\n...\n",
        json.dumps({"Containers": [{"NAME": "main", "imagE": "x"}]}),
        json.dumps({"container\u017f": [{"name": "main", "image": "x"}]}),
        '{"containers":[{"name":"main","im\\u0061ge":"x"}]}',
        '{\n\t"containers": [{"name": "main", "image": "x", "args": ["\\ud83d\\ude00\\/"]}]}',
    ],
)
def test_an_image_in_a_patch_is_found_however_it_is_written(text):
    (found,) = workflow(podSpecPatch=text)

    assert (found.path, found.container, found.image) == (
        "spec.podSpecPatch: spec.containers[0].image",
        "main",
        "x",
    )


@pytest.mark.parametrize("text", ["terminationGracePeriodSeconds: 5", "", None, "null", "{}"])
def test_a_patch_without_images_names_none(text):
    assert workflow(podSpecPatch=text) == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "neither JSON nor YAML"),
        ("a: [1", "neither JSON nor YAML"),
        ("a: &x 1\nb: *x", "anchor"),
        ("b: *x", "alias"),
        ("a: 1\na: 2", "twice"),
        ("image: a\nImage: b", "twice"),
        ("a: !!python/object x", "tag"),
        ("<<: {a: b}", "merge key"),
        ("? [a]\n: b", "list or a map"),
        ("a: 1\n---\nb: 2", "2 documents"),
        ("[" * 1000, "deeper"),
        ("{a: " * 1000, "deeper"),
        ('{"a":' * 60 + "1" + "}" * 60, "deeper"),
        ('{"a":' * 9_000 + "1" + "}" * 9_000, "neither"),
        ('{"image": "a", "Image": "b"}', "twice"),
        ("a" * 70_000, "64 KiB"),
        ("\x00", "neither JSON nor YAML"),
        ("a: \ud800", "neither JSON nor YAML"),
    ],
)
def test_a_patch_that_cannot_be_read_for_certain_is_not_read(text, why):
    (found,) = workflow(podSpecPatch=text)

    assert found.problem is Code.PATCH
    assert why in found.reason


def test_a_patch_that_is_no_object_is_a_finding():
    assert [f.problem for f in workflow(podSpecPatch="words")] == [Code.SHAPE]
    assert [f.problem for f in workflow(podSpecPatch=5)] == [Code.SHAPE]
    assert [f.problem for f in workflow(podSpecPatch="containers: {a: b}")] == [Code.SHAPE]


def test_patches_that_are_together_too_long_are_not_read():
    long = json.dumps({"a": "b" * 50_000})

    found = workflow(templates=[{"name": "t", "podSpecPatch": long} for _ in range(4)])

    assert [f.problem for f in found] == [Code.PATCH, Code.PATCH]


def test_more_texts_than_anybody_writes_are_not_read():
    found = workflow(templates=[{"podSpecPatch": "a: b"}] * (MOST_TEXTS + 2))

    assert [f.problem for f in found] == [Code.PATCH, Code.PATCH]


def test_a_text_that_argo_fills_in_is_told_and_read_all_the_same():
    found = workflow(podSpecPatch="hostname: '{{x}}'\ncontainers: [{image: evil.test/x}]")

    assert [(f.problem, f.image) for f in found] == [(Code.TEMPLATED, ""), (None, "evil.test/x")]


def test_half_a_character_that_an_escape_writes_is_not_read():
    (found,) = workflow(podSpecPatch='{"containers": [{"name": "\\ud800", "image": "a"}]}')

    assert found.problem is Code.PATCH


def test_after_a_thousand_images_the_walk_stops_with_one_finding_that_says_so():
    found = pod(containers=[{"name": "c", "image": "a"}] * 100_000)

    assert len(found) == MOST_FOUND + 1
    assert found[-1].problem is Code.SHAPE
    assert "more than 1,000 images" in found[-1].reason


def test_a_name_as_long_as_a_book_is_not_carried_along():
    stored = {"storedTemplates": {"k" * 60_000: {"sidecars": [{"name": "n" * 60_000}]}}}
    (found,) = images_in(ARGO, "Workflow", {"status": stored})

    assert len(found.container) == LONGEST_NAME
    assert len(found.path) < 2 * LONGEST_NAME


@pytest.mark.parametrize(
    "spec",
    [
        {"templates": [{"steps": [[{"name": "s"}] * 1000]}]},
        {"podSpecPatch": "a: b"},
        {"podSpecPatch": "\n".join(f"k{n}:" for n in range(1000))},
    ],
)
def test_whoever_has_no_time_left_can_end_the_walk(spec):
    class Over(Exception):
        pass

    def check():
        raise Over

    with pytest.raises(Over):
        findings(ARGO, "Workflow", {"spec": spec}, check=check)


def test_what_was_not_read_is_known_again_only_if_it_did_not_change():
    def unread(image):
        template = {"name": "x", "container": {"image": image}}
        for _ in range(25):
            template = {"name": "x", "steps": [[{"inline": template}]]}
        return [f.source for f in workflow(templates=[template])]

    assert unread("a") == unread("a") != unread("b")


def test_a_patch_of_many_keys_is_read_in_time():
    keys = "\n".join(f"k{i}:" for i in range(9_000))
    started = time.process_time()

    workflow(podSpecPatch=keys)

    assert time.process_time() - started < 2


def test_whether_a_text_had_to_be_read_is_told():
    assert findings(ARGO, "Workflow", {"spec": {"podSpecPatch": "a: b"}}).patched
    assert not findings(ARGO, "Workflow", {"spec": {"templates": []}}).patched


def manifest_of(text, *, scan):
    spec = {"templates": [{"name": "t", "resource": {"manifest": text}}]}
    return images_in(ARGO, "Workflow", {"spec": spec}, scan_manifests=scan)


def test_manifests_are_read_only_when_asked():
    text = json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "x"}]}})

    assert manifest_of(text, scan=False) == ()
    assert [f.path for f in manifest_of(text, scan=True)] == [
        "spec.templates[0].resource.manifest: spec.containers[0].image"
    ]


def test_every_object_of_a_manifest_is_read():
    one = '{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "%s"}]}}'
    listed = '{"apiVersion": "v1", "kind": "List", "items": [%s]}'

    found = manifest_of(f"{one % 'a'}\n---\n{listed % (one % 'b')}\n---\n{{}}\n", scan=True)

    assert [f.image for f in found] == ["a", "b"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "spec", "template", "jobTemplate", "containers", "initContainers", "volumes", "image",
            "reference", "templates", "container", "steps", "dag", "tasks", "inline", "status",
            "storedTemplates", "podSpecPatch", "templateDefaults", "workflowSpec", "name",
            "resource", "manifest", "metadata", "annotations", "namespace", "items", "kind",
        ]),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(KINDS)), JSON, st.booleans())
def test_nothing_makes_it_raise(kind, manifest, scan):
    for found in images_in(*kind, manifest, scan_manifests=scan):
        assert isinstance(found.image, str)
        assert found.problem is None or found.reason


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_no_patch_makes_it_raise(text):
    for found in workflow(podSpecPatch=text):
        assert isinstance(found.image, str)


def reversed_keys(value):
    if isinstance(value, dict):
        return {key: reversed_keys(inner) for key, inner in reversed(value.items())}
    return [reversed_keys(inner) for inner in value] if isinstance(value, list) else value


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(KINDS)), JSON)
def test_the_order_of_keys_changes_nothing(kind, manifest):
    # NaN is not itself; what it is told as is the same.
    assert repr(images_in(*kind, manifest)) == repr(images_in(*kind, reversed_keys(manifest)))
