"""Can the two Argo images be pulled from here? Asked briefly, for most machines know quickly."""

from collections.abc import Sequence

import httpx

PROBE_SECONDS = 3.0
ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)


def can_pull(refs: Sequence[str], *, scheme: str = "https") -> bool:
    """True if the registries have every one of these images for anybody who asks."""
    try:
        with httpx.Client(timeout=PROBE_SECONDS, follow_redirects=True) as client:
            return all(_has(client, ref, scheme) for ref in refs)
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def _has(client: httpx.Client, ref: str, scheme: str) -> bool:
    registry, _slash, rest = ref.partition("/")
    repository, _colon, tag = rest.rpartition(":")
    url = f"{scheme}://{registry}/v2/{repository}/manifests/{tag}"
    answer = client.head(url, headers={"Accept": ACCEPT})
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        token = _token(client, answer.headers["WWW-Authenticate"])
        answer = client.head(url, headers={"Accept": ACCEPT, "Authorization": f"Bearer {token}"})
    return answer.status_code == httpx.codes.OK


def _token(client: httpx.Client, challenge: str) -> str:
    """What a registry gives to anybody: it says itself where to ask."""
    _kind, _space, fields = challenge.partition(" ")
    told = dict(field.strip().split("=", 1) for field in fields.split(","))
    values = {key: value.strip('"') for key, value in told.items()}
    realm = values.pop("realm")
    found = client.get(realm, params=values).json()
    return str(found.get("token") or found["access_token"])
