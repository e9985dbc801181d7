"""AWS Signature Version 4, as every S3-compatible store checks it. Pure: a request and a time in."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


def signed(
    method: str,
    path: str,
    *,
    host: str,
    region: str,
    access_key: str,
    secret_key: str,
    at: datetime,
    body: bytes = b"",
) -> Mapping[str, str]:
    """The headers that make this a request of who has these keys. `path` has no query."""
    time, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": time}
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            method,
            quote(path),
            "",
            *(f"{k}:{headers[k]}" for k in sorted(headers)),
            "",
            names,
            digest,
        ]
    )
    scope = f"{day}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = _hmac(key, part)
    signature = _hmac(key, f"{ALGORITHM}\n{time}\n{scope}\n{hashed}").hex()
    authorization = (
        f"{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return {**headers, "authorization": authorization}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
