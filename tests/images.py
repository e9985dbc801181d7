"""Policies, signers and statements for tests about images."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from controlplane.policies import exemptions, keys, services
from controlplane.policies.artifacts import PAYLOAD, SIGNATURE, STATEMENTS
from controlplane.policies.folding import Sighting
from controlplane.policies.models import ImageExemption, ImagePolicy, SigningKey
from tenants.models import Team
from tests.factories import approver, member_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HARBOR = {"registry": "harbor.corp.example", "repository": "payments/**"}
REPOSITORY = "harbor.corp.example/payments/api"
DIGEST = "sha256:" + "a" * 64
IMAGE = f"{REPOSITORY}@{DIGEST}"
FOREIGN = "evil.example/miner:1"


def nothing_said() -> None:
    """Without the policy that a new platform begins with: nothing runs but its own Argo."""
    ImagePolicy.objects.all().delete()


def policy(name: str = "harbor", *, scope: str = "platform", **said: Any) -> ImagePolicy:
    """A policy in force. What is no field of the row is a setting."""
    fields = {key: said.pop(key) for key in ("tier", "team", "enabled") if key in said}
    return services.save_policy(
        ImagePolicy(name=name, scope=scope, settings=said, **fields), now=NOW
    )


@dataclass(frozen=True)
class Signer:
    """Somebody with a key."""

    key: Ed25519PrivateKey

    @property
    def pem(self) -> str:
        public = self.key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def key_id(self) -> str:
        return str(CryptoSigner(self.key).public_key.keyid)

    def known(self, name: str) -> SigningKey:
        """The platform knows the key by this name."""
        return keys.save_key(SigningKey(name=name, pem=self.pem))


def signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


def statement(repository: str = REPOSITORY, digest: str = DIGEST, **changed: Any) -> dict[str, Any]:
    algorithm, _, value = digest.partition(":")
    return {
        "_type": STATEMENTS[0],
        "subject": [{"name": repository, "digest": {algorithm: value}}],
        "predicateType": SIGNATURE,
        "predicate": {},
        **changed,
    }


def envelope(
    *signers: Signer, said: dict[str, Any] | None = None, payload_type: str = PAYLOAD
) -> dict[str, Any]:
    """A statement, signed by all of these."""
    made = Envelope(orjson.dumps(said or statement()), payload_type, {})
    for each in signers:
        made.sign(CryptoSigner(each.key))
    shown: dict[str, Any] = made.to_dict()
    return shown


def asked(team: Team, *, image: str = FOREIGN, days: float = 7, **more: Any) -> ImageExemption:
    """An exemption that a member of the team asks for."""
    wish = {"by": member_of(team), "reason": "The vendor moves it next week.", "now": NOW, **more}
    not_after = wish.pop("not_after", wish["now"] + timedelta(days=days))
    return exemptions.ask(team=team, image=image, not_after=not_after, **wish)


def exempted(team: Team, *, image: str = FOREIGN, **more: Any) -> ImageExemption:
    """An exemption that an approver agreed to."""
    exemption = asked(team, image=image, **more)
    return exemptions.approve(exemption, by=approver(), now=more.get("now", NOW))


def sighting(namespace: str, *, minutes: float = 0, **changed: Any) -> Sighting:
    """A pod whose image was refused, so many minutes after noon."""
    seen: dict[str, Any] = {
        "namespace": namespace,
        "kind": "Pod",
        "name": "hello",
        "path": "spec.containers[0].image",
        "container": "main",
        "image": FOREIGN,
        "code": "not-allowed",
        "reason": "no rule allows it",
        "state": "refused",
        "source": "event",
        "at": NOW + timedelta(minutes=minutes),
    }
    return Sighting(**(seen | changed))
