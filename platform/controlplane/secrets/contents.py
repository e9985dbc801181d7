"""What a version holds, between a form and the database: checked, sealed, opened for delivery."""

from base64 import b64decode, b64encode
from collections.abc import Mapping

import orjson

from controlplane.errors import DomainError
from controlplane.sealing import seal, unseal

from .kinds import Held, Kind
from .models import Version
from .naming import MOST_BYTES, MOST_KEYS, problem_with_key

LONGEST_SETTING = 500
LONGEST_VALUE = (
    64 * 1024
)  # of a named value: passwords and keys; what a team keys itself may be larger


class BadSecret(DomainError):
    """What was given cannot be this kind of secret. It is not repeated: it may hold the secret."""

    code = "bad_secret"


def read(kind: Kind, settings: Mapping[str, str], values: Mapping[str, bytes]) -> Held:
    """What was given, whole and fit for its kind. Raises BadSecret for the first field that is not."""
    held = Held(_settings(kind, settings), _values(kind, values))
    for problem in kind.problems(held):
        raise BadSecret(problem.sentence, field=problem.field)
    size = sum(len(key) + len(value) for key, value in kind.data(held).items())
    if size > MOST_BYTES:
        raise BadSecret(
            f"It holds {size:,} bytes, and Kubernetes takes {MOST_BYTES:,} in a Secret: keep what is large "
            "in an artifact repository, and its key here.",
            field="values",
        )
    return held


def sealed(held: Held, version: Version) -> str:
    """The values as the version's row keeps them: no other row can use them."""
    written = {key: b64encode(value).decode() for key, value in held.values.items()}
    return seal(orjson.dumps(written), of=identity(version))


def opened(version: Version) -> Held:
    """What a version holds. Raises CannotOpen; for delivering and trying, and for nothing that is shown."""
    written = orjson.loads(unseal(version.sealed, of=identity(version)))
    return Held(version.settings, {key: b64decode(value) for key, value in written.items()})


def identity(version: Version) -> str:
    """Whose the sealed values are: a version is made once and never changed."""
    return f"secrets.Version:{version.key}:sealed"


def _settings(kind: Kind, said: Mapping[str, str]) -> dict[str, str]:
    fields = {field.name: field for field in kind.FIELDS if not field.secret}
    for name in said:
        if name not in fields:
            raise BadSecret(f"{kind.TITLE} has no setting {name[:60]!r}.", field="settings")
    found: dict[str, str] = {}
    for name, field in fields.items():
        text = str(said.get(name, "")).strip() or field.default
        if not text and field.required:
            raise BadSecret(f"{field.label} is missing.", field=name)
        if len(text) > LONGEST_SETTING or "\0" in text:
            raise BadSecret(f"{field.label} is at most {LONGEST_SETTING} characters.", field=name)
        if field.choices and text not in field.choices:
            raise BadSecret(f"{field.label} is one of: {', '.join(field.choices)}.", field=name)
        found[name] = text
    return found


def _values(kind: Kind, given: Mapping[str, bytes]) -> dict[str, bytes]:
    if not kind.FIELDS:
        return _own_keys(given)
    fields = {field.name: field for field in kind.FIELDS if field.secret}
    for name in given:
        if name not in fields:
            raise BadSecret(
                f"{kind.TITLE} keeps no value {name[:60]!r}; it keeps {', '.join(fields)}.",
                field="values",
            )
    for name, field in fields.items():
        _check_value(given.get(name, b""), field.label, name)
    return dict(given)


def _check_value(value: bytes, label: str, name: str) -> None:
    if not value:
        raise BadSecret(f"{label} is missing. What was kept before is not taken over.", field=name)
    if len(value) > LONGEST_VALUE:
        raise BadSecret(f"{label} is at most {LONGEST_VALUE // 1024} KiB.", field=name)
    try:
        value.decode()
    except UnicodeDecodeError:
        raise BadSecret(f"{label} is a text, and this is none.", field=name) from None
    if b"\0" in value or b"\n" in value or b"\r" in value:
        raise BadSecret(f"{label} is one line.", field=name)


def _own_keys(given: Mapping[str, bytes]) -> dict[str, bytes]:
    if len(given) > MOST_KEYS:
        raise BadSecret(f"At most {MOST_KEYS} keys in a secret.", field="values")
    for key in given:
        if problem := problem_with_key(key):
            raise BadSecret(problem, field="values")
    return dict(given)
