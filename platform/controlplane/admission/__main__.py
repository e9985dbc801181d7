"""`python -m controlplane.admission`, also `argosy admission`: the process, without Django."""

import argparse
import gc
import ipaddress
import logging
import resource
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from . import certificates
from .app import Admission, utc_now
from .loaded import Loaded
from .serving import DRAIN, NoAuthority, NoCertificate, Server, Tls, gauges, listen
from .spool import Spool

DESCRIPTORS = 65_536
RENEWED_EVERY = timedelta(hours=1)  # looked whether it is due

logger = logging.getLogger("argosy.admission")


def parser() -> argparse.ArgumentParser:
    """What may be said on the command line."""
    words = argparse.ArgumentParser(prog="argosy admission", description=__doc__)
    say = words.add_argument
    say("--bundle", type=Path, required=True, help="folder of bundle.json and facts*.json")
    say("--keys", type=Path, help="PEM of the bundle keys (default: bundle.pem in that folder)")
    say(
        "--certificates",
        type=Path,
        required=True,
        help="folder of serving.pem, or tls.crt and tls.key",
    )
    say("--listen", type=address, default=("0.0.0.0", 9443), metavar="ADDRESS:PORT")  # noqa: S104
    say(
        "--cluster",
        default="",
        help="refuse a bundle that is for another cluster (default: the first bundle's)",
    )
    say(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="keep an authority and a certificate for this DNS name or address (may be repeated)",
    )
    say(
        "--client-ca",
        type=Path,
        metavar="FILE",
        help="PEM of the authority that signs the API servers' certificates, and nobody else's; "
        "without one of them only the health pages are answered",
    )
    say("--spool", type=Path, help="folder in which denials wait for the agent")
    say("--link", default="", help="page of a denial; {same} stands for which one")
    say("--allowed-age", type=float, default=7.0, metavar="DAYS", help="of a bundle, to be ready")
    say("--drain", type=float, default=DRAIN, metavar="SECONDS", help="served on after SIGTERM")
    return words


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to go."""
    said = parser().parse_args(arguments)
    # A review is thousands of objects that end with it by themselves; looking for circles among them
    # every 700 costs a fifth of reading it.
    gc.set_threshold(20_000, 20, 20)
    _as_many_descriptors_as_allowed()
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    loaded = Loaded(
        folder=said.bundle,
        keys_file=said.keys or said.bundle / "bundle.pem",
        cluster=said.cluster or None,
        allowed_age=timedelta(days=said.allowed_age),
    )
    spool = Spool(said.spool) if said.spool else None
    callers_known = said.client_ca is not None
    app = Admission(loaded=loaded, spool=spool, link=said.link, callers_known=callers_known)
    app.measured = gauges(app, said.certificates)
    keeper = _Keeper(said.certificates, said.cluster, said.name)
    try:
        keeper.look()
        tls = Tls(said.certificates, said.client_ca)
        listener = listen(*said.listen)
    except NoCertificate as error:
        return _wrong(f"{error}. Give --name to have one made, or put one there.")
    except NoAuthority as error:
        return _wrong(f"{error}. Put it there, or leave --client-ca out.")
    except OSError as error:
        return _wrong(f"cannot listen on {said.listen[0]} port {said.listen[1]}: {error.strerror}")
    loaded.look()

    def look() -> None:
        keeper.look()
        tls.look()
        loaded.look()
        if spool is not None:
            spool.write()

    Server(app, tls, listener, look=look, drain=said.drain).run()
    if spool is not None:
        spool.write()
    return 0


def _as_many_descriptors_as_allowed() -> None:
    """More than the connections we let in: who only knocks must not take the last one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Keeper:
    """Keeps the folder's own certificates, where names were given."""

    def __init__(self, folder: Path, cluster: str, names: Sequence[str]) -> None:
        self._folder, self._cluster, self._names = folder, cluster, names
        self._next = utc_now()

    def look(self) -> None:
        now = utc_now()
        if self._names and now >= self._next:
            self._next = now + RENEWED_EVERY
            if certificates.keep(self._folder, cluster=self._cluster, names=self._names, now=now):
                logger.info("a new certificate for %s", ", ".join(self._names))


def address(text: str) -> tuple[str, int]:
    """Where to listen, as an option says it."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        ipaddress.ip_address(host)
        return host, int(port)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS:PORT") from None


def _wrong(sentence: str) -> int:
    sys.stderr.write(f"argosy admission: {sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
