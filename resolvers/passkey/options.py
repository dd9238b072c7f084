"""What a browser is to ask of an authenticator, as `PublicKeyCredential` parses it from JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from webauthn import generate_authentication_options, generate_registration_options
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from models import Passkey, User
from models.passkey import CHALLENGE_LIFETIME
from models.relying_party import RelyingParty

#: Best first; the last is Windows Hello's.
ALGORITHMS: Final = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_TIMEOUT: Final = int(CHALLENGE_LIFETIME.total_seconds() * 1_000)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What tells a passkey to whoever has it."""

    credential_id: bytes
    transports: tuple[str, ...]

    @classmethod
    def of(cls, passkey: Passkey) -> "Descriptor":
        return cls(passkey.credential_id, tuple(passkey.transports))


def to_register(party: RelyingParty, user: User, challenge: bytes, own: Iterable[Descriptor]) -> dict[str, Any]:
    """For a passkey that finds its user by itself, and makes sure that it is them."""
    options = generate_registration_options(
        rp_id=party.domain,
        rp_name=party.name,
        # Authenticators show it to choose by; the id is in every signature, and is no secret.
        user_name=user.email or user.name,
        user_display_name=user.name,
        user_id=user.id.bytes,
        challenge=challenge,
        timeout=_TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[_described(each) for each in own],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json_dict(options)


def to_sign_in(party: RelyingParty, challenge: bytes, allowed: Iterable[Descriptor]) -> dict[str, Any]:
    """With one of these; where there are none, with whatever passkey the person chooses."""
    options = generate_authentication_options(
        rp_id=party.domain,
        challenge=challenge,
        timeout=_TIMEOUT,
        allow_credentials=[_described(each) for each in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def _described(passkey: Descriptor) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(each) for each in passkey.transports]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports)
