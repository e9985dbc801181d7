"""Will the API server go on believing the webhook? Looked at now and then, while there is still time.

A certificate that nobody renewed, or a caBundle that does not hold who signed it, says nothing until the
day on which every image that must be asked about is refused.
"""

import logging
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from controlplane.admission import certificates
from controlplane.kube.door import Kube
from controlplane.objects import Manifest, Ref
from controlplane.policies.compile import probes, routing

from .seen import Sighting, mapping

CONFIGURATION = Ref(
    "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", routing.NAME
)
CODE = "certificate"

logger = logging.getLogger("argosy.agent")


@dataclass
class Certifying:
    """The webhook's certificate of one cluster. What is said twice in a row is an alarm, and told once."""

    cluster: str
    folder: Path
    say: Callable[[Sequence[Sighting]], None]
    alarms: list[str] = field(default_factory=list)
    _before: list[str] = field(default_factory=list)

    def look(self, kube: Kube, *, now: datetime) -> None:
        """Hold what is served against what the cluster was told. Raises KubeError.

        A caBundle is published a moment after it is made, so one look alone proves nothing.
        """
        found = list(sentences(self.folder, kube.get(CONFIGURATION), now))
        lasting = [said for said in found if said in self._before]
        news = [said for said in lasting if said not in self.alarms]
        self._before, self.alarms = found, lasting
        for said in news:
            logger.error("the webhook's certificate: %s", said)
        if news:
            self.say([alarm(said, cluster=self.cluster, at=now) for said in news])


def sentences(folder: Path, configuration: Manifest | None, now: datetime) -> Iterator[str]:
    """What will end; nothing where no webhook is called, or none is served yet."""
    leaf = certificates.served(folder)
    if configuration is None or leaf is None:
        return
    said = (
        certificates.alarms(leaf, authorities, now) for authorities in bundles_of(configuration)
    )
    yield from dict.fromkeys(sentence for each in said for sentence in each)


def bundles_of(configuration: Manifest) -> Iterator[list[x509.Certificate]]:
    """Whom the API server believes, for each webhook of the configuration; nobody where it is unreadable."""
    for webhook in map(mapping, _listed(configuration.get("webhooks"))):
        if probes.is_sign(webhook):
            continue
        told = str(mapping(webhook.get("clientConfig")).get("caBundle") or "")
        try:
            yield x509.load_pem_x509_certificates(b64decode(told, validate=True))
        except (ValueError, NotBase64):
            yield []


def alarm(said: str, *, cluster: str, at: datetime) -> Sighting:
    """For the platform's people, and no team's page: it is nobody's object."""
    return Sighting(
        namespace="",
        kind="Cluster",
        name=cluster,
        path="",
        container="",
        image="",
        code=CODE,
        reason=said,
        state="admitted",
        source="scanner",
        at=at,
    )


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
