"""Argo's server reading rules: the real expr library, asked in the way of the server's own source."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.objects import Manifest
from localcluster.build import build
from localcluster.recipes import Program, Recipe
from provisioning.argo_access import Rule
from tenants.levels import Level

RECIPE = Recipe(
    title="reader of Argo's rules",
    module=Path(__file__).parents[1] / "expr",
    programs=(Program("argo-rules", ".", 5),),
)
RULE, PRECEDENCE = (
    "workflows.argoproj.io/rbac-rule",
    "workflows.argoproj.io/rbac-rule-precedence",
)


@dataclass(frozen=True)
class Answer:
    """Which account a person would act as; why none."""

    account: str
    groups: tuple[str, ...]
    error: str


@dataclass(frozen=True)
class RuleReader:
    """The running program: a question a line, an answer a line."""

    process: "subprocess.Popen[str]"

    def asked(
        self,
        accounts: Sequence[Manifest],
        sign_in: Mapping[str, Any],
        *,
        claim: str = "",
        keeping: Sequence[str] = (),
    ) -> Answer:
        """Whom these ServiceAccounts make of somebody who signed in with these claims."""
        ruled = [
            {"name": a["metadata"]["name"], "annotations": a["metadata"].get("annotations") or {}}
            for a in accounts
        ]
        question = {
            "accounts": ruled,
            "sign_in": dict(sign_in),
            "claim": claim,
            "filter": list(keeping),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        return Answer(said["account"], tuple(said["groups"] or ()), said["error"])


@contextmanager
def rule_reader() -> Iterator[RuleReader]:
    """One program for many questions."""
    program = build(RECIPE) / "argo-rules"
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield RuleReader(process)
        finally:
            process.kill()


def accounts_with(rules: Mapping[Level, Rule]) -> list[Manifest]:
    """The three accounts as a chart makes them of these rules."""
    return [
        {
            "kind": "ServiceAccount",
            "metadata": {
                "name": f"argo-{level}",
                "annotations": {RULE: rule.rule, PRECEDENCE: str(rule.precedence)},
            },
        }
        for level, rule in rules.items()
    ]
