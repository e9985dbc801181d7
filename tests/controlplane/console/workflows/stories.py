"""What the tests of workflows' pages share: the address of a page, what is on it, and rows."""

import itertools
import re
from datetime import UTC, datetime
from typing import Any

from controlplane.index.models import Workflow
from controlplane.objects import Manifest, Ref
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in
from tests.factories import (
    member_of,
)
from tests.fakes import FakeCluster

API = "argoproj.io/v1alpha1"


NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


SCRIPT = "<script>alert(1)</script>"


numbers = itertools.count()


UGLY = ("outcome=ugly", "finished=9y", "to=9999-12-31")


def made(fake: FakeCluster, kind: str, name: str, spec: Manifest, **meta: Any) -> Manifest:
    named = {"name": name, "namespace": "payments", **meta}
    return fake.create({"apiVersion": API, "kind": kind, "metadata": named, "spec": spec})


def stored(fake: FakeCluster, name: str = "hello", kind: str = "Workflow") -> Manifest:
    return fake.objects[Ref(API, kind, "payments", name)].manifest


def row(namespace: TenantNamespace, name: str, phase: str = "Succeeded", **more: Any) -> Workflow:
    facts = {"created_at": NOW, "resource_version": "1", "uid": f"uid-{next(numbers)}", **more}
    return Workflow.objects.create(namespace=namespace, name=name, phase=phase, **facts)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def names_in(answer: Any) -> list[str]:
    return re.findall(r'id="w-\d+" href="/namespaces/\d+/workflows/([^/]+)/"', text_of(answer))


def page_of(namespace: TenantNamespace, name: str = "hello", rest: str = "") -> str:
    return f"/namespaces/{namespace.pk}/workflows/{name}/{rest}"


YAML = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: hi-
spec:
  entrypoint: main
  templates: [{name: main, suspend: {}}]
"""


def sent(payments: TenantNamespace, **more: str) -> Any:
    said = {"namespace": payments.pk, "from": "yaml", "manifest": YAML, "do": "submit", **more}
    return signed_in(member_of(payments.team)).post("/workflows/submit/", said)
