"""The real helm on one of our charts: lint, render, install; each with a deadline."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).parents[2] / "charts"
DEADLINE = 60.0

Manifest = dict[str, Any]


class HelmRefusedError(Exception):
    """helm said no; the text is its own."""


@dataclass(frozen=True)
class Helm:
    """helm, and the cluster it may speak to."""

    program: Path
    kubeconfig: Path | None = None

    def lint(self, chart: str, values: Path) -> None:
        self._run("lint", str(CHARTS / chart), "--strict", "--values", str(values))

    def template(
        self, chart: str, values: Mapping[str, Any], *, namespace: str = "payments-argo"
    ) -> tuple[Manifest, ...]:
        text = self._run(
            *("template", "argo", str(CHARTS / chart), "--namespace", namespace, "--values", "-"),
            stdin=yaml.safe_dump(dict(values)),
        )
        return tuple(document for document in yaml.safe_load_all(text) if document)

    def upgrade(
        self, chart: str, values: Mapping[str, Any], *, namespace: str, seconds: int = 30
    ) -> None:
        self._run(
            *("upgrade", "--install", "argo", str(CHARTS / chart), "--namespace", namespace),
            *("--wait", "--timeout", f"{seconds}s", "--values", "-"),
            stdin=yaml.safe_dump(dict(values)),
        )

    def uninstall(self, *, namespace: str) -> None:
        self._run("uninstall", "argo", "--namespace", namespace, "--wait", "--timeout", "30s")

    def _run(self, *words: str, stdin: str = "") -> str:
        command = [str(self.program), *words]
        if self.kubeconfig:
            command += ["--kubeconfig", str(self.kubeconfig)]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=DEADLINE, check=False
        )
        if done.returncode:
            raise HelmRefusedError(done.stdout + done.stderr)
        return done.stdout


def ci_files(chart: str) -> list[Path]:
    """Every example of a chart's values: each must hold, none needs naming here."""
    return sorted((CHARTS / chart / "ci").glob("*-values.yaml"))


def changed(values: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """The values with one of them, named by its dotted path, made something else."""
    first, _, rest = path.partition(".")
    inner = values.get(first)
    return {
        **values,
        first: changed(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value,
    }


def by_ref(manifests: tuple[Manifest, ...]) -> dict[tuple[str, str, str], Manifest]:
    """Manifests by kind, namespace and name."""
    return {
        (m["kind"], m["metadata"].get("namespace", ""), m["metadata"]["name"]): m for m in manifests
    }
