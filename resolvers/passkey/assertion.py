"""A use of a passkey, as a browser tells of it."""

from dataclasses import dataclass, field
from typing import Any, Self

from webauthn import verify_authentication_response
from webauthn.helpers import parse_authentication_credential_json, parse_client_data_json
from webauthn.helpers.structs import AuthenticationCredential

from models.relying_party import RelyingParty
from resolvers.passkey.credential import readable, verified


@dataclass(frozen=True, slots=True)
class Used:
    """What a passkey tells of one use."""

    sign_count: int
    user_verified: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """A use of a passkey, the challenge that it says it answers, and whose it says that it is."""

    credential_id: bytes
    challenge: bytes = field(repr=False)
    user_handle: bytes | None
    _credential: AuthenticationCredential = field(repr=False)

    @classmethod
    def read(cls, given: Any) -> Self:
        """Raises Invalid."""
        with readable():
            credential = parse_authentication_credential_json(given)
            challenge = parse_client_data_json(credential.response.client_data_json).challenge
            return cls(credential.raw_id, challenge, credential.response.user_handle, credential)

    def verify(self, party: RelyingParty, public_key: bytes) -> Used:
        """Raises Unverified."""
        with verified(self._credential.response.client_data_json):
            found = verify_authentication_response(
                credential=self._credential,
                expected_challenge=self.challenge,
                expected_rp_id=party.domain,
                expected_origin=list(party.origins),
                credential_public_key=public_key,
                # Compared by whoever calls: here it would be believed before the signature was looked at.
                credential_current_sign_count=0,
                require_user_verification=True,
            )
            return Used(found.new_sign_count, found.user_verified)
