"""The form of one version of a secret: a field for each thing its kind asks, or keys of one's own.

What was typed into it and is secret is never written into a page again, not even when it is refused.
"""

from dataclasses import dataclass
from datetime import date

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from controlplane.errors import DomainError
from controlplane.secrets.contents import BadSecret
from controlplane.secrets.kinds import Field, Kind
from controlplane.secrets.naming import MOST_BYTES
from controlplane.secrets.services import Given

ROWS = 4  # of keys of one's own; who has more keeps them over the API


@dataclass(frozen=True)
class Asked:
    """One field as it stands: what was typed, unless it is secret."""

    field: Field
    typed: str
    refused: str = ""


@dataclass(frozen=True)
class Form:
    """The fields, or the rows of one's own keys, and its last day."""

    kind: Kind
    fields: tuple[Asked, ...]
    rows: tuple[tuple[int, str], ...]
    expires_on: str
    refused_end: str = ""
    refused_rows: str = ""


def blank(kind: Kind, settings: dict[str, str] | None = None) -> Form:
    """Nothing typed yet; what may be shown of the version before is filled in."""
    return _form(kind, settings or {}, (), "", None)


def typed(kind: Kind, request: HttpRequest, refusal: DomainError | None) -> Form:
    """As it was sent, without what is secret, and with what was refused."""
    said = {f.name: request.POST.get(f.name, "") for f in kind.FIELDS if not f.secret}
    keys = tuple(request.POST.get(f"key-{n}", "") for n in range(ROWS))
    return _form(kind, said, keys, request.POST.get("expires_on", ""), refusal)


def given(kind: Kind, request: HttpRequest) -> Given:
    """What was sent, as the service takes it. Raises BadSecret for a day that is none."""
    said = {name: str(request.POST.get(name, "")) for name in request.POST}
    settings = {f.name: said.get(f.name, "") for f in kind.FIELDS if not f.secret}
    values = {f.name: said.get(f.name, "").encode() for f in kind.FIELDS if f.secret}
    return Given(settings, values or _rows(request), _day(said.get("expires_on", "")))


def _form(
    kind: Kind,
    said: dict[str, str],
    keys: tuple[str, ...],
    expires_on: str,
    refusal: DomainError | None,
) -> Form:
    where = refusal.field if refusal else ""
    sentence = refusal.sentence if refusal else ""
    return Form(
        kind=kind,
        fields=tuple(
            Asked(f, said.get(f.name) or f.default, sentence if where == f.name else "")
            for f in kind.FIELDS
        ),
        rows=() if kind.FIELDS else tuple((n, keys[n] if keys else "") for n in range(ROWS)),
        expires_on=expires_on,
        refused_end=sentence if where == "expires_on" else "",
        refused_rows=sentence if where == "values" else "",
    )


def _rows(request: HttpRequest) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for number in range(ROWS):
        key = request.POST.get(f"key-{number}", "").strip()
        file = request.FILES.get(f"file-{number}")
        text = request.POST.get(f"value-{number}", "").replace("\r\n", "\n")
        if not key and not text and file is None:
            continue
        if key in found:
            raise BadSecret(f"The key {key[:60]} is there twice.", field="values")
        found[key] = _read(file) if isinstance(file, UploadedFile) else text.encode()
    return found


def _read(file: "UploadedFile[bytes]") -> bytes:
    if (file.size or 0) > MOST_BYTES:
        raise BadSecret(f"The file has more than {MOST_BYTES:,} bytes.", field="values")
    return bytes(file.read())


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BadSecret("Write its last day as 2027-01-31.", field="expires_on") from None
