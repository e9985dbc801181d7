"""Where things are kept, read whole: every row, every key of the broker, every object, every file."""

import gzip
import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg import sql

from tests.charts.api import Api

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
RELEASE = "helm.sh/release.v1"
READ = {
    b"string": lambda broker, key: broker.get(key),
    b"hash": lambda broker, key: broker.hgetall(key),
    b"list": lambda broker, key: broker.lrange(key, 0, -1),
    b"set": lambda broker, key: broker.smembers(key),
    b"zset": lambda broker, key: broker.zrange(key, 0, -1, withscores=True),
}

Texts = dict[str, bytes]


def rows(url: str) -> Texts:
    """Each table, all of its columns as text."""
    with psycopg.connect(url) as db:
        return {name: _rows(db, name) for (name,) in db.execute(TABLES).fetchall()}


def _rows(db: psycopg.Connection, table: str) -> bytes:
    asked = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
    return "\n".join(text for (text,) in db.execute(asked)).encode()


def keys(port: int) -> Texts:
    """Each key of the broker, with what it holds."""
    with redis.Redis(port=port) as broker:
        return {
            repr(key): repr((key, READ[broker.type(key)](broker, key))).encode()
            for key in broker.scan_iter()
        }


def files(folders: Iterable[Path], pattern: str = "*") -> Texts:
    """Each file of the folders, however deep."""
    found = (path for folder in folders for path in folder.rglob(pattern) if path.is_file())
    return {str(path): path.read_bytes() for path in found}


def objects(api: Api) -> Texts:
    """Each object of each kind that can be listed, with what it holds encoded laid open beside it."""
    return {
        f"{kind} {_name(each)}": json.dumps(each, ensure_ascii=False).encode()
        + b"".join(laid_open(each))
        for path, kind in _kinds(api)
        for each in api.get(path).must()["items"]
    }


def releases(api: Api) -> Texts:
    """Each release of helm's, as helm reads it."""
    return {
        _name(each): _release(b64decode(each["data"]["release"]))
        for each in api.get("/api/v1/secrets").must()["items"]
        if each["type"] == RELEASE
    }


def laid_open(manifest: Mapping[str, Any]) -> Iterator[bytes]:
    """The values of what is kept in base64."""
    for part in ("data", "binaryData"):
        for text in (manifest.get(part) or {}).values():
            try:
                yield b64decode(text, validate=True)
            except ValueError:
                continue  # a ConfigMap's, which is text already


def _kinds(api: Api) -> Iterator[tuple[str, str]]:
    """Where each kind is listed."""
    groups = api.get("/apis").must()["groups"]
    versions = [version["groupVersion"] for group in groups for version in group["versions"]]
    for root in ("/api/v1", *(f"/apis/{version}" for version in versions)):
        for each in api.get(root).must()["resources"]:
            if "list" in each["verbs"]:
                yield f"{root}/{each['name']}", each["kind"]


def _release(text: bytes) -> bytes:
    return gzip.decompress(b64decode(text))


def _name(manifest: Mapping[str, Any]) -> str:
    meta = manifest["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"
