"""Which kubeconfig is taken: one with everything inline, and each refusal names the field."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.clusters.kubeconfig import LONGEST, BadKubeconfig, checked, server_of

CA = base64.b64encode(b"a certificate").decode()


def pair(days: int = 1) -> dict[str, str]:
    """A client certificate that ends in so many days, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, end = x509.Name([]), datetime.now(UTC) + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=2))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    plain = key.private_bytes(pem, private, serialization.NoEncryption())
    return {
        "client-certificate-data": base64.b64encode(certificate.public_bytes(pem)).decode(),
        "client-key-data": base64.b64encode(plain).decode(),
    }


def document(user: Any = None, cluster: Any = None, **more: Any) -> str:
    inline = {"server": "https://10.1.2.3:6443", "certificate-authority-data": CA}
    return yaml.safe_dump(
        {
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {**inline, **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {"token": "word"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
            **more,
        }
    )


@pytest.mark.parametrize("user", [{"token": "word"}, pair()])
def test_inline_credentials_are_taken_and_nothing_else_is_kept(user: dict[str, str]) -> None:
    config = checked(document(user, preferences={"colors": True}))

    assert server_of(config) == "https://10.1.2.3:6443"
    assert config["users"][0]["user"] == user
    assert "preferences" not in config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (document({"exec": {"command": "sh"}}), "users[u].exec"),
        (document({"token": "t", "auth-provider": {}}), "users[u].auth-provider"),
        (document({"tokenFile": "/etc/passwd"}), "users[u].tokenFile"),
        (document({"client-certificate": "/c", "client-key": "/k"}), "users[u].client-key"),
        (document({"token": "t", "as": "system:admin"}), "users[u].as"),
        (document({"username": "a", "password": "b"}), "users[u].password"),
        (document(cluster={"insecure-skip-tls-verify": True}), "would trust any server"),
        (document(cluster={"proxy-url": "http://x"}), "clusters[c].proxy-url"),
        (document(cluster={"certificate-authority": "/ca"}), "certificate-authority-data"),
        (document(cluster={"server": "http://10.1.2.3"}), "https://"),
        (document(cluster={"server": "https://a:b@10.1.2.3"}), "https://"),
        (document(cluster={"server": "file:///etc/kubernetes/admin.conf"}), "https://"),
        (document(cluster={"server": "unix:///run/docker.sock"}), "https://"),
        (document(cluster={"certificate-authority-data": "?"}), "not base64"),
        (document({"token": "two words\n"}), "one word"),
        (document({"client-certificate-data": CA}), "both be there"),
        (document({"token": ""}), "no credential"),
        (document({**pair(), "client-certificate-data": CA}), "holds no certificate"),
        (document({**pair(), "client-key-data": CA}), "holds no key"),
        (document(pair(days=-1)), "certificate ended on"),
        (document(pair(days=5)), "certificate begins on"),
        (document(**{"current-context": "y"}), "current-context"),
        (document(users=[]), "not under `users`"),
        (document(clusters="none"), "not under `clusters`"),
        ("kind: Pod", "kind: Config"),
        ("[1, 2", "not valid YAML"),
        ("!!python/object/apply:os.system [id]", "not valid YAML"),
        ("x" * (LONGEST + 1), "256 KiB"),
        ("", "kind: Config"),
    ],
)
def test_what_cannot_be_taken_is_named(text: str, said: str) -> None:
    with pytest.raises(BadKubeconfig) as refusal:
        checked(text)

    assert said in refusal.value.sentence
    assert refusal.value.field == "kubeconfig"


def test_a_plug_in_in_an_entry_that_is_not_used_is_refused_too() -> None:
    users = [
        {"name": "u", "user": {"token": "word"}},
        {"name": "other", "user": {"exec": {"command": "sh"}}},
    ]

    with pytest.raises(BadKubeconfig, match=r"users\[other\]\.exec"):
        checked(document(users=users))


def test_no_sentence_repeats_a_credential() -> None:
    with pytest.raises(BadKubeconfig) as refusal:
        checked(document({"token": "hush hush", "password": "hush-hush"}))

    assert "hush" not in refusal.value.sentence


BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))])
ODD_CONTEXT = "contexts: [{name: x, context: {cluster: *a39, user: u}}]\ncurrent-context: x"


@pytest.mark.parametrize(
    "text",
    [
        "a: !!bool x",
        "a: !!timestamp x",
        "a: !!int x",
        "a: !!set [x]",
        "? [x]\n: y",
        "[" * 5000,
        f"{BOMB}\n{ODD_CONTEXT}",
        f"{BOMB}\ncurrent-context: *a39",
        document(cluster={"server": "https://[x"}),
        document(cluster={"server": "https://10.1.2.3:99999"}),
        document(cluster={"server": ["https://10.1.2.3"]}),
    ],
)
def test_what_is_odder_than_any_kubeconfig_is_refused_and_no_mistake(text: str) -> None:
    with pytest.raises(BadKubeconfig):
        checked(text)
