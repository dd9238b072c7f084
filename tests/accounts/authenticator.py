"""An authenticator app, which others wrote the rules of: RFC 6238 with SHA-1, six digits and 30 s."""

import hmac
import time
from base64 import b32decode
from dataclasses import dataclass


@dataclass(frozen=True)
class Authenticator:
    """`secret` as it is shown, in base 32."""

    secret: str

    def code(self, ahead: int = 0) -> str:
        """The code of now, or of so many steps later."""
        step = int(time.time()) // 30 + ahead
        digest = hmac.digest(b32decode(self.secret), step.to_bytes(8), "sha1")
        offset = digest[-1] & 0xF
        return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF) % 1_000_000:06}"

    def wrong(self) -> str:
        """A code of no step near by."""
        near = {self.code(ahead) for ahead in range(-3, 4)}
        return next(code for code in map("{:06}".format, range(10)) if code not in near)
