"""A new passkey, as a browser tells of it."""

from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature
from webauthn import verify_registration_response
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    encode_cbor,
    parse_cbor,
    parse_client_data_json,
    parse_registration_credential_json,
    verify_signature,
)
from webauthn.helpers.structs import RegistrationCredential

from models.refusal import Invalid
from models.relying_party import RelyingParty
from resolvers.passkey.credential import Unverified, readable, verified
from resolvers.passkey.options import ALGORITHMS

#: Bytes, as WebAuthn says (section 5.8.3).
_ID: Final = 1_023
#: Bytes of a public key in COSE: RSA of 4,096 bits is half of that.
_KEY: Final = 1_024
_UNVERIFIED: Final = "The passkey could not be verified. Begin anew."


@dataclass(frozen=True, slots=True)
class Registered:
    """What is kept of a new passkey."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]


@dataclass(frozen=True, slots=True)
class Registration:
    """A new passkey, and the challenge that it says it answers."""

    challenge: bytes = field(repr=False)
    _credential: RegistrationCredential = field(repr=False)

    @classmethod
    def read(cls, given: Any) -> Self:
        """Raises Invalid."""
        with readable():
            credential = parse_registration_credential_json(given)
            response = credential.response
            # Nobody here believes what an authenticator states of itself, so that nothing looks at its certificates.
            held = parse_cbor(response.attestation_object)["authData"]
            bare = encode_cbor({"fmt": "none", "attStmt": {}, "authData": held})
            credential = replace(credential, response=replace(response, attestation_object=bare))
            return cls(parse_client_data_json(response.client_data_json).challenge, credential)

    def verify(self, party: RelyingParty) -> Registered:
        """Raises Invalid."""
        try:
            with verified(self._credential.response.client_data_json):
                found = verify_registration_response(
                    credential=self._credential,
                    expected_challenge=self.challenge,
                    expected_rp_id=party.domain,
                    expected_origin=list(party.origins),
                    require_user_verification=True,
                    supported_pub_key_algs=ALGORITHMS,
                )
                if len(found.credential_id) > _ID or len(found.credential_public_key) > _KEY:
                    raise Unverified("the id or the key is too long")
                _try(found.credential_public_key)
        except Unverified:
            raise Invalid(_UNVERIFIED, "credential") from None
        transports = {each.value for each in self._credential.response.transports or ()}
        return Registered(found.credential_id, found.credential_public_key, found.sign_count, sorted(transports))


def _try(public_key: bytes) -> None:
    """Raises where nothing could ever be verified with it."""
    decoded = decode_credential_public_key(public_key)
    key = decoded_public_key_to_cryptography(decoded)
    try:
        verify_signature(public_key=key, signature_alg=decoded.alg, signature=b"", data=b"")
    except InvalidSignature:
        return
    raise Unverified("it takes any signature")
