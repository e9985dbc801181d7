"""The command `argosy`: a list of what it is made of."""

import typer

from controlplane import __version__
from localcluster.cli import app as local

from . import (
    audit,
    cluster,
    cron,
    demo,
    exemption,
    kubeconfig,
    metrics,
    namespace,
    placement,
    policies,
    request,
    secret,
    secrets,
    serve,
    session,
    status,
    team,
    tokens,
    usage,
    violation,
    workflow,
)

app = typer.Typer(
    name="argosy",
    help="A team gets its own namespaces with an isolated Argo Workflows; you keep them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(serve.app)
app.add_typer(session.app)
app.add_typer(status.app)
app.command("demo")(demo.demo)
app.command("approve")(request.approve)
app.add_typer(local, name="local")
app.add_typer(tokens.app, name="tokens")
app.add_typer(team.app, name="team")
app.add_typer(team.tiers, name="tier")
app.add_typer(cluster.app, name="cluster")
app.add_typer(placement.app, name="placement")
app.add_typer(request.app, name="request")
app.add_typer(namespace.app, name="namespace")
app.add_typer(kubeconfig.app, name="kubeconfig")
app.add_typer(kubeconfig.plug_in)
app.add_typer(workflow.app, name="workflow")
app.add_typer(cron.app, name="cron")
app.add_typer(policies.app, name="policy")
app.add_typer(exemption.app, name="exemption")
app.add_typer(violation.app, name="violation")
app.add_typer(secret.app, name="secret")
app.add_typer(secrets.app, name="secrets")
app.add_typer(usage.app, name="usage")
app.add_typer(metrics.app, name="metrics")
app.add_typer(audit.app, name="audit")


@app.command()
def version() -> None:
    """Which Argosy this is."""
    typer.echo(__version__)
