"""Which kubeconfig is taken: one with everything inline, and each refusal names the field."""

import base64
from typing import Any

import pytest
import yaml

from controlplane.clusters.kubeconfig import LONGEST, BadKubeconfig, checked, server_of

CA = base64.b64encode(b"a certificate").decode()


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


@pytest.mark.parametrize(
    "user", [{"token": "word"}, {"client-certificate-data": CA, "client-key-data": CA}]
)
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
        (document(cluster={"certificate-authority-data": "?"}), "not base64"),
        (document({"token": "two words\n"}), "one word"),
        (document({"client-certificate-data": CA}), "both be there"),
        (document({"token": ""}), "no credential"),
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
