"""`argosy policy`: the image policy, tried on cases."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from controlplane.policies import cases, engines
from controlplane.policies.cases import Case
from controlplane.policies.engines.comparing import Line, Outcome, compare

app = typer.Typer(help="The image policy, tried on cases.", no_args_is_help=True)
output = Console(markup=False, highlight=False, soft_wrap=True)
complaints = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)

DIFFERS, UNREADABLE = 1, 2

EXPLAINED = (
    "Hold an engine to cases, and print every difference.\n\n"
    "CASES is a JSON file: a list of cases, or an object with `cases` and a table `policies`"
    " that cases name. Without a file, the cases that come with Argosy are judged.\n\n"
    "A case has `id`, `policy`, `object`, `operation` and `expect` (allow or deny). It may have"
    " `old_object`, `subresource`, `namespace`, `user`, `dry_run`, `now`, `facts` and"
    " `expect_reported`.\n\n"
    "Engines: `library` decides in this process. `webhook` asks the admission process. `vap`"
    " asks a real API server that holds the compiled policies; it alone may leave a case to"
    " the webhook (asked) or to the API server's own checks (aside), and both are listed.\n\n"
    "Ends with 1 if a case differs, with 2 if the cases cannot be read.\n\n"
    "Example: argosy policy test cases.json --engine library --json"
)


@app.callback()
def policy() -> None:
    """The image policy, tried on cases."""


@app.command("test", help=EXPLAINED)
def judge(
    file: Annotated[
        Path | None, typer.Argument(metavar="[CASES]", help="The cases; none: Argosy's own.")
    ] = None,
    *,
    engine: Annotated[engines.Name, typer.Option(help="Who decides.")] = engines.Name.LIBRARY,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            help="For `vap`: a cluster to try on instead of one of its own. It gets policies and"
            " namespaces, and loses them again."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Read, judge, compare, print."""
    try:
        judged = _judged(_cases(file), engine, kubeconfig)
    except (cases.NotACase, engines.NoSuchEngine) as error:
        complaints.print(str(error), style="red")
        raise typer.Exit(UNREADABLE) from error
    if as_json:
        typer.echo(orjson.dumps(_as_json(engine, judged)))
    else:
        _print(engine, judged)
    if any(line.outcome is Outcome.DIFFERS for line in judged):
        raise typer.Exit(DIFFERS)


def _cases(file: Path | None) -> list[Case]:
    return cases.shipped() if file is None else cases.read_file(file)


def _judged(wanted: Sequence[Case], engine: engines.Name, kubeconfig: Path | None) -> list[Line]:
    with engines.opened(engine, wanted, kubeconfig) as opened:
        return [compare(case, opened.judge(case)) for case in wanted]


def _print(engine: engines.Name, judged: Sequence[Line]) -> None:
    for outcome in (Outcome.ASIDE, Outcome.ASKED, Outcome.DIFFERS):
        for line in judged:
            if line.outcome is outcome:
                output.print(f"{outcome.upper()} {line.id}: {line.said}")
    counts = _counts(judged)
    others = ", ".join(f"{counts[o]} {o}" for o in Outcome if o is not Outcome.SAME and counts[o])
    output.print(
        f"{engine}: {counts[Outcome.SAME]} of {len(judged)} cases as expected"
        f"{f'; {others}' if others else ''}."
    )


def _counts(judged: Sequence[Line]) -> Counter[Outcome]:
    return Counter(line.outcome for line in judged)


def _as_json(engine: engines.Name, judged: Sequence[Line]) -> dict[str, object]:
    counts = _counts(judged)
    return {
        "engine": engine,
        "cases": len(judged),
        "counts": {outcome.value: counts[outcome] for outcome in Outcome},
        **{outcome.value: _listed(judged, outcome) for outcome in Outcome if outcome != "same"},
    }


def _listed(judged: Sequence[Line], outcome: Outcome) -> list[dict[str, object]]:
    return [
        {"id": line.id, "said": line.said, "asks": [a.value for a in line.asks]}
        for line in judged
        if line.outcome is outcome
    ]
