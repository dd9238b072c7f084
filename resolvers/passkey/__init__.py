"""Passkeys (WebAuthn, level 3): added, removed, and signed in with."""

from resolvers.passkey.registering import begin_registration, register
from resolvers.passkey.removing import remove
from resolvers.passkey.signing_in import begin_sign_in, sign_in

__all__ = ["begin_registration", "begin_sign_in", "register", "remove", "sign_in"]
