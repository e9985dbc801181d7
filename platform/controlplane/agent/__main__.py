"""`python -m controlplane.agent`, also `argosy agent`: the agent of one cluster, with its webhook."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from controlplane.admission.__main__ import address

from . import health
from .cluster import opened
from .platform import Platform
from .running import Agent, Settings


def parser() -> argparse.ArgumentParser:
    """What may be said on the command line."""
    words = argparse.ArgumentParser(
        prog="argosy agent",
        description="Bring the platform's image policies to this cluster, keep its webhook running, and "
        "tell the platform what was refused and what runs.",
    )
    say = words.add_argument
    say("--cluster", required=True, help="what the platform calls this cluster")
    say("--platform", required=True, metavar="URL", help="where the platform answers")
    say("--token-file", type=Path, required=True, help="file of this agent's token")
    say("--authority", type=Path, help="PEM of who signed the platform's certificate")
    say("--keys", type=Path, required=True, help="PEM of the keys that bundles are believed by")
    say("--folder", type=Path, required=True, help="where bundle, facts and sightings are kept")
    say("--kubeconfig", type=Path, help="of the cluster (default: the account of this pod)")
    say("--audit-log", type=Path, help="the API server's, where it is ours")
    say("--pull-every", type=float, default=15.0, metavar="SECONDS")
    say("--scan-every", type=float, default=600.0, metavar="SECONDS")
    say("--replay-every", type=float, default=1200.0, metavar="SECONDS", help="0: no canaries")
    say("--health", type=address, metavar="ADDRESS:PORT", help="answer /livez, /readyz, /metrics")
    hook = words.add_argument_group("the webhook (argosy admission)")
    hook.add_argument("--listen", metavar="ADDRESS:PORT", help="without it no webhook is run here")
    hook.add_argument("--certificates", type=Path, help="folder (default: one in --folder)")
    hook.add_argument("--name", action="append", default=[], metavar="NAME")
    hook.add_argument(
        "--client-ca",
        type=Path,
        metavar="FILE",
        help="PEM of who signs the API servers' certificates; nobody else is answered then",
    )
    hook.add_argument("--drain", default="", metavar="SECONDS", help="served on after SIGTERM")
    hook.add_argument("--link", default="", help="page of a denial; {same} stands for which one")
    return words


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until told to go."""
    said = parser().parse_args(arguments)
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr
    )
    said.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = Settings(
        cluster=said.cluster,
        folder=said.folder,
        keys=said.keys,
        audit_log=said.audit_log,
        certificates=said.certificates or said.folder / "certificates",
        pull_every=said.pull_every,
        scan_every=said.scan_every,
        replay_every=said.replay_every,
    )
    platform = Platform(said.platform, said.token_file, authority=said.authority)
    agent = Agent(settings, platform, opened(said.kubeconfig), webhook_of(said, settings))
    if said.health is not None:
        try:
            health.serve(
                *said.health, stuck=agent.stuck, not_ready=agent.not_ready, measured=agent.measured
            )
        except OSError as error:
            sys.stderr.write(
                f"argosy agent: cannot listen on {said.health[0]} port {said.health[1]}: {error.strerror}\n"
            )
            return 1
    return agent.run()


def webhook_of(said: argparse.Namespace, settings: Settings) -> list[str] | None:
    """The webhook's command line; none where none is asked for."""
    if not said.listen:
        return None
    options = {
        "--bundle": settings.bundle,
        "--keys": said.keys,
        "--certificates": settings.certificates or "",
        "--listen": said.listen,
        "--cluster": said.cluster,
        "--spool": settings.spool,
        "--link": said.link,
        "--drain": said.drain,
        "--client-ca": said.client_ca or "",
    }
    words = [sys.executable, "-m", "controlplane.admission"]
    words += [f"{option}={value}" for option, value in options.items() if str(value)]
    return words + [f"--name={name}" for name in said.name]


if __name__ == "__main__":
    sys.exit(main())
