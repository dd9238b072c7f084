"""What we sign for others: a ticket that puts one file into the bucket, and the address that gets one out."""

import base64
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

#: Seconds for which an address stays the same, and for which it holds: 10 minutes or more after any answer.
WINDOW = 600
SIGNED_FOR = 2 * WINDOW
#: How many addresses are remembered, of about 1 kB each with what they were signed for.
REMEMBERED = 16_384

# Named, because SeaweedFS takes an `acl` that no policy names. Not `private`: a bucket of S3's that has no ACLs, as new
# ones have none, refuses all but this one, which gives nobody but its owner anything either.
_ACL: Final = "bucket-owner-full-control"

Addressing = Literal["path", "virtual"]
Tickets = Literal["post", "put"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """To POST a form to the url, `fields` first, then the file as `file`; or to PUT the file, with them as headers."""

    method: Literal["POST", "PUT"]
    url: str
    fields: dict[str, str]
    expires_at: datetime


class _AsOf(S3SigV4QueryAuth):  # type: ignore[misc]
    """Signs as of a given moment; botocore knows only the present one."""

    def __init__(self, credentials: Credentials, region: str, moment: int, seconds: int) -> None:
        super().__init__(credentials, "s3", region, expires=seconds)
        self._moment = datetime.fromtimestamp(moment, UTC)

    def add_auth(self, request: Any) -> None:
        request.context["timestamp"] = self._moment.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))


class Signer:
    """Signs for the public endpoint that it was made with; no request has a say in where an address leads."""

    def __init__(
        self,
        *,
        public_endpoint: str,
        bucket: str,
        region: str,
        access_key: str,
        secret_key: str,
        addressing: Addressing = "path",
        tickets: Tickets = "post",
    ) -> None:
        endpoint = urlsplit(public_endpoint.rstrip("/"))
        if addressing == "virtual":
            self._base = f"{endpoint.scheme}://{bucket}.{endpoint.netloc}{endpoint.path}"
        else:
            self._base = f"{endpoint.scheme}://{endpoint.netloc}{endpoint.path}/{bucket}"
        self._bucket = bucket
        self._region = region
        self._tickets = tickets
        self._credentials = Credentials(access_key, secret_key)
        self._signed = lru_cache(maxsize=REMEMBERED)(self._sign)

    def url(self, key: str, *, now: datetime, content_type: str, disposition: str) -> str:
        """An address to GET the object from, served under that type and Content-Disposition.

        Every process gives the same one for WINDOW seconds, so that a browser can cache what it led to.
        """
        return self._signed(key, self.turns(key, now) - WINDOW, content_type, disposition)

    def turns(self, key: str, now: datetime) -> int:
        """The Unix time at which the key gets another address.

        Each at its own, or every picture of a book would be fetched anew at once.
        """
        moment = int(now.timestamp())
        return moment - (moment - zlib.crc32(key.encode())) % WINDOW + WINDOW

    def _sign(self, key: str, moment: int, content_type: str, disposition: str) -> str:
        request = AWSRequest(
            "GET",
            self._object(key),
            params={"response-content-type": content_type, "response-content-disposition": disposition},
        )
        _AsOf(self._credentials, self._region, moment, SIGNED_FOR).add_auth(request)
        return str(request.url)

    def _object(self, key: str) -> str:
        return f"{self._base}/{quote(key, safe='/~')}"

    def ticket(self, key: str, content_type: str, size: int, sha256: str, lifetime: timedelta) -> Ticket:
        """Permission to put these bytes (`sha256` in hex) under this key, once or again, until it expires."""
        described = {
            "Content-Type": content_type,
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode(),
        }
        if self._tickets == "put":
            return self._put(key, described, size, lifetime)
        return self._post(key, described, size, lifetime)

    def _put(self, key: str, headers: dict[str, str], size: int, lifetime: timedelta) -> Ticket:
        expires_at = datetime.now(UTC) + lifetime
        request = AWSRequest("PUT", self._object(key), headers={**headers, "Content-Length": str(size)})
        # Signed in the past, one that has expired is well-formed, so that nothing but its age can be what is refused.
        signed_at = expires_at - abs(lifetime)
        seconds = int(abs(lifetime).total_seconds())
        _AsOf(self._credentials, self._region, int(signed_at.timestamp()), seconds).add_auth(request)
        return Ticket("PUT", str(request.url), headers, expires_at)

    def _post(self, key: str, described: dict[str, str], size: int, lifetime: timedelta) -> Ticket:
        expires_at = datetime.now(UTC) + lifetime
        fields = {"key": key, "acl": _ACL, "x-amz-checksum-algorithm": "SHA256", **described}
        request = AWSRequest("POST", self._base)
        request.context["s3-presign-post-fields"] = fields
        request.context["s3-presign-post-policy"] = {
            "expiration": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "conditions": [
                {"bucket": self._bucket},
                ["content-length-range", size, size],
                *({name: value} for name, value in fields.items()),
            ],
        }
        # It adds its own to the fields and to the conditions, in place: both were made for it.
        S3SigV4PostAuth(self._credentials, "s3", self._region).add_auth(request)
        return Ticket("POST", self._base, fields, expires_at)
