"""What somebody holds beside the page: a kubeconfig in the real kubectl, a token, an account of Argo's."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from localcluster import build
from tenants.levels import Level

WORKFLOW = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "by-hand"},
    "spec": {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]},
}
WRITES = (
    ("delete", "workflow", "by-hand"),
    ("label", "workflow", "by-hand", "a=b"),
    ("patch", "workflow", "by-hand", "--type=merge", '-p={"spec":{"suspend":true}}'),
    ("create", "configmap", "x"),
    ("create", "secret", "generic", "x"),
    ("create", "token", "workflow-runner"),
)


@dataclass(frozen=True)
class Kubectl:
    """The real one, with the kubeconfig that somebody took from the page."""

    file: Path
    namespace: str

    def __call__(self, *words: str, said: object = None) -> "subprocess.CompletedProcess[str]":
        command = [build.programs() / "kubectl", "--kubeconfig", self.file, "-n", self.namespace]
        told = "" if said is None else json.dumps(said)
        return subprocess.run(
            [*command, *words], input=told, capture_output=True, text=True, timeout=60, check=False
        )


def kubectl_of(tab: Tab, cluster: str, namespace: str, folder: Path) -> Kubectl:
    """As the person takes it: from the page of kubeconfigs, as a file."""
    tab.goto("/kubeconfigs/")
    tab.get_by_label("Cluster").select_option(cluster)
    with tab.expect_download() as coming:
        tab.get_by_role("button", name="Download").click()
    file = folder / f"{tab.locator('.who').inner_text()}.yaml"
    coming.value.save_as(file)
    return Kubectl(file, namespace)


def token_of(tab: Tab) -> str:
    """A token that the person makes themselves; shown once."""
    tab.goto("/tokens/")
    tab.get_by_label("What it is for").fill("the nightly export")
    tab.get_by_role("button", name="Make it").click()
    shown = tab.get_by_label("The token")
    expect(shown).to_contain_text(re.compile("^argosy_"))
    return shown.inner_text().strip()


def sees(url: str, token: str, namespace: str) -> bool:
    """Whether the API shows this namespace to who brings the token."""
    answer = httpx.get(
        f"{url}/api/v1/namespaces/",
        params={"search": namespace},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    return answer.status_code == httpx.codes.OK and namespace in answer.text


def accounts_of_argo(kubectl: Callable[..., "subprocess.CompletedProcess[str]"]) -> list[dict]:  # type: ignore[type-arg]
    """The ServiceAccounts that Argo's server would choose among, as they are in the cluster."""
    names = [f"argo-{level}" for level in Level]
    said = kubectl("get", "serviceaccounts", "-o", "json", *names)
    return list(json.loads(said.stdout)["items"])
