"""Submitting: from YAML and from a template, tried first, with what is wrong at its line."""

import re

import pytest
from django.conf import settings

from controlplane.clusters.models import Cluster
from controlplane.kube.errors import CutOff, KubeError, Silent, refused
from controlplane.objects import Manifest
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in, words
from tests.controlplane.console.workflows.stories import (
    NOW,
    SCRIPT,
    YAML,
    made,
    sent,
    stored,
    text_of,
)
from tests.factories import (
    member_of,
)
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(fake: FakeCluster, payments: TenantNamespace) -> Manifest:
    parameters = [
        {"name": "day", "description": f"Which day {SCRIPT}"},
        {"name": "region", "enum": ["eu", "us"], "value": "eu"},
    ]
    spec = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}
    return made(
        fake, "WorkflowTemplate", "fraud", {**spec, "arguments": {"parameters": parameters}}
    )


def test_yaml_is_submitted_and_leads_to_its_workflow(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    answer = sent(payments)

    (name,) = re.findall(r"workflows/(hi-\d+)/", answer["Location"])
    assert stored(fake, name)["spec"]["serviceAccountName"] == "workflow-runner"


def test_a_dry_run_makes_nothing_and_shows_what_would_be(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    answer = sent(payments, do="check")

    assert answer.status_code == 200
    assert "Nothing was made yet" in text_of(answer)
    assert "serviceAccountName: workflow-runner" in text_of(answer)
    assert not [ref for ref in fake.objects if ref.kind == "Workflow"]


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ("kind: [", "Line 1"),
        (YAML.replace("entrypoint: main", "entrypoint: main\n  entrypoint: b"), "Line 7"),
        (YAML.replace("Workflow", "Pod"), "Only a Workflow"),
        (YAML + "status: {}\n", "Leave out status"),
        (YAML + "status: {}\n", "Line 8"),
        (YAML.replace("generateName: hi-", "name: [1]"), "Line 4"),
        (YAML.replace("generateName: hi-", "generateName: {a: b}"), "Line 4"),
        (YAML.replace("  generateName: hi-", "  name: x\n  labels: {a: 1}"), "Line 5"),
        (YAML + "  x: !!binary aGk=\n", "Line 8"),
        (YAML + "  x: !!set {a, b}\n", "Line 8"),
        (YAML + "  x: !!bool maybe\n", "Line 8"),
        *((YAML + f"  x: {'[' * deep}{']' * deep}\n", "Line 8") for deep in (330, 385, 440)),
    ],
)
def test_what_is_wrong_with_yaml_is_said_beside_it_and_what_was_typed_stays(
    payments: TenantNamespace, manifest: str, says: str
) -> None:
    answer = sent(payments, manifest=manifest)

    assert answer.status_code == 400
    assert says in text_of(answer)
    assert manifest.split("\n", maxsplit=1)[0] in text_of(answer)


def test_what_the_api_server_does_not_know_is_said_with_its_line(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    said = 'strict decoding error: unknown field "spec.entrypoint"'
    fake.refusals["create", "Workflow"] = refused(400, {"message": said})

    answer = sent(payments)

    assert answer.status_code == 400
    assert "<b>Line 6</b>: There is no field spec.entrypoint." in text_of(answer)


def test_what_would_not_run_is_said_at_the_dry_run_with_its_line(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    answer = sent(payments, manifest=YAML + "  tempaltes: []\n", do="check")

    assert answer.status_code == 200
    assert "it would not run as written" in text_of(answer)
    assert "Line 8</b>: There is no field `tempaltes`" in text_of(answer)
    assert "note ok" not in text_of(answer)


@pytest.mark.parametrize("do", ["check", "submit"])
def test_what_can_never_run_is_refused_with_its_lines(
    payments: TenantNamespace, fake: FakeCluster, do: str
) -> None:
    wrong = YAML.replace("entrypoint: main", "entrypoint: mian") + "  tempaltes: []\n"

    answer = sent(payments, manifest=wrong, do=do)

    assert answer.status_code == 400
    assert "Line 6</b>: It can never run: there is no template mian" in text_of(answer)
    assert "Line 8</b>: There is no field `tempaltes`" in text_of(answer)
    assert "would take it" not in text_of(answer)
    assert not [ref for ref in fake.objects if ref.kind == "Workflow"]


def test_a_template_that_can_never_run_is_refused_too(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    made(fake, "WorkflowTemplate", "empty", {"entrypoint": "main"})

    answer = sent(payments, **{"from": "template"}, template="empty", do="check")

    assert answer.status_code == 400
    assert "there is no template main" in text_of(answer)


def test_a_form_is_made_from_a_templates_parameters(
    payments: TenantNamespace, template: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(member_of(payments.team))

    template["metadata"]["annotations"] = {"workflows.argoproj.io/description": "Finds fraud."}
    fake.apply(template)
    page = text_of(client.get(f"/workflows/submit/?namespace={payments.pk}&template=fraud"))
    assert "Finds fraud." in page

    assert 'name="p.day"' in page
    assert "<option selected>eu</option>" in page
    assert SCRIPT not in page


def test_a_template_is_submitted_with_what_was_typed(
    payments: TenantNamespace, template: Manifest, fake: FakeCluster
) -> None:
    form = {"from": "template", "template": "fraud", "p.day": "2026-01-01", "p.region": "us"}

    answer = sent(payments, **form)

    (name,) = re.findall(r"workflows/(fraud-\d+)/", answer["Location"])
    assert stored(fake, name)["spec"]["arguments"]["parameters"] == [
        {"name": "day", "value": "2026-01-01"},
        {"name": "region", "value": "us"},
    ]


def test_a_field_that_is_not_right_says_so_and_what_was_typed_stays(
    payments: TenantNamespace, template: Manifest
) -> None:
    answer = sent(payments, **{"from": "template", "template": "fraud", "p.region": "us"})

    assert answer.status_code == 400
    assert "day needs a value" in text_of(answer)
    assert "<option selected>us</option>" in text_of(answer)


def test_an_earlier_workflow_can_be_edited_and_sent_again(
    payments: TenantNamespace, hello: Manifest
) -> None:
    client = signed_in(member_of(payments.team))

    page = text_of(client.get(f"/workflows/submit/?namespace={payments.pk}&from=yaml&like=hello"))

    assert "generateName: hello-" in page


@pytest.mark.parametrize("like", ["../../secrets", "", "..", "a/b"])
def test_what_is_no_name_is_not_asked_for(
    payments: TenantNamespace, fake: FakeCluster, like: str
) -> None:
    client = signed_in(member_of(payments.team))

    answer = client.get(f"/workflows/submit/?namespace={payments.pk}&from=yaml&like={like}")

    assert answer.status_code == 200
    assert not [call for call in fake.calls if "/" in call or "secret" in call]


def test_a_cluster_that_is_away_is_said_on_the_form(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    fake.unreachable = True

    answer = sent(payments)

    assert answer.status_code == 503
    assert (
        "Cluster east cannot be reached, so nothing was made. Try again once it answers"
        in text_of(answer)
    )
    assert "generateName: hi-" in text_of(answer)


SAID = (
    'workflows.argoproj.io "hi-x" is forbidden: '
    "ValidatingAdmissionPolicy 'argosy-images-workflows' with binding 'argosy-images-workflows' "
    "denied request: The image policy denies this. "
    'main: image "evil.example/x:1": no rule allows it [not-allowed]'
)
ASKING = "/v/?namespace=payments&image=evil.example/x:1"


@pytest.mark.parametrize("do", ["check", "submit"])
def test_a_denied_image_is_told_in_the_policys_own_sentences_with_a_link_to_ask(
    payments: TenantNamespace, fake: FakeCluster, do: str
) -> None:
    said = f"{SAID} | Ask for an exemption: {settings.BASE_URL}{ASKING} (rules 2e784ae7)"
    fake.refusals["create", "Workflow"] = refused(422, {"message": said})

    answer = sent(payments, do=do)

    told, _, raw = text_of(answer).partition("What the cluster said")
    assert answer.status_code == 400
    assert '<div class="long">The image policy denies this.</div>' in told
    assert "no rule allows it [not-allowed]</div>" in told
    assert f'<a href="{ASKING.replace("&", "&amp;")}">Ask for an exemption</a>' in told
    assert "ValidatingAdmissionPolicy" not in told
    assert "(rules 2e784ae7)" not in told
    assert "ValidatingAdmissionPolicy" in raw
    assert "generateName: hi-" in raw


def test_a_webhooks_denial_is_told_as_well(payments: TenantNamespace, fake: FakeCluster) -> None:
    page = f"/v/{'a' * 32}/"
    said = (
        'admission webhook "images.argosy.dev" denied the request: The image policy denies this.\n'
        f"spec.templates[0].container.image (main): no signature [signature]\n"
        f"Ask for an exemption: {settings.BASE_URL}{page}"
    )
    fake.refusals["create", "Workflow"] = refused(403, {"message": said})

    told = text_of(sent(payments)).partition("What the cluster said")[0]

    assert '<div class="long">spec.templates[0].container.image (main): no signature' in told
    assert f'<a href="{page}">Ask for an exemption</a>' in told


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/v/?namespace=payments&image=x",
        f"{settings.BASE_URL}.evil.example/v/?namespace=payments&image=x",
        f"{settings.BASE_URL}@evil.example/v/?namespace=payments",
        f"{settings.BASE_URL}//evil.example/v/?namespace=payments",
        f"{settings.BASE_URL}/sign-out/",
        "javascript:alert(1)",
    ],
)
def test_no_other_address_in_a_denial_is_made_a_link(
    payments: TenantNamespace, fake: FakeCluster, address: str
) -> None:
    said = f"{SAID} {SCRIPT} | Ask for an exemption: {address} (rules 2e784ae7)"
    fake.refusals["create", "Workflow"] = refused(422, {"message": said})

    page = text_of(sent(payments))

    assert f'<div class="long">Ask for an exemption: {address.split("&", maxsplit=1)[0]}' in page
    assert ">Ask for an exemption</a>" not in page
    assert SCRIPT not in page


def test_who_else_denies_is_told_in_its_own_words(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    said = f'admission webhook "other.example" denied the request: {SAID.partition(": ")[2]}'
    others = said.replace("argosy-images", "theirs")
    fake.refusals["create", "Workflow"] = refused(403, {"message": others})

    page = text_of(sent(payments))

    assert "dmission webhook &quot;other.example&quot; denied the request" in page
    assert "What the cluster said" not in page


@pytest.mark.parametrize("lost", [Silent, CutOff])
def test_where_the_answer_was_lost_it_is_not_said_that_nothing_was_made(
    payments: TenantNamespace, fake: FakeCluster, lost: type[KubeError]
) -> None:
    fake.refusals["create", "Workflow"] = lost("the API server cannot be reached: timed out")

    submitted, tried = text_of(sent(payments)), text_of(sent(payments, do="check"))

    assert "it may have been made" in submitted
    assert "nothing was made" not in submitted
    assert "nothing was made" in tried


@pytest.mark.parametrize("kind", ["yaml", "template"])
def test_that_the_cluster_does_not_answer_is_said_before_anything_is_written(
    payments: TenantNamespace, fake: FakeCluster, kind: str
) -> None:
    client = signed_in(member_of(payments.team))
    path = f"/workflows/submit/?namespace={payments.pk}&from={kind}"
    assert "Nothing can be submitted there now" not in client.get(path).content.decode()

    Cluster.objects.update(reachable=False, trouble="away", since=NOW, message="10.0.0.1 refused")

    said = words(client.get(path).content.decode())
    assert "Nothing can be submitted there now. east does not answer since" in said
    assert "10.0.0.1" not in said
