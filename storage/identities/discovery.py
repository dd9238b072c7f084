"""Where a provider's parts are (OpenID Connect Discovery 1.0, RFC 8414)."""

from dataclasses import dataclass
from typing import Any, Final, Self

from storage.identities.address import is_local, is_reachable
from storage.identities.provider import Away
from storage.identities.wire import Wire

#: What may sign an ID token: never nothing, and never a secret that we have too.
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
_PATH: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Discovery:
    """`names_itself`: its answers to the browser say who it is (RFC 9207). `takes_basic`: how it knows us."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    algorithms: frozenset[str]
    takes_basic: bool
    names_itself: bool

    @classmethod
    async def ask(cls, wire: Wire, issuer: str) -> Self:
        """Raises Away for what cannot be used."""
        return cls.read(await wire.get(f"{issuer}{_PATH}"), issuer)

    @classmethod
    def read(cls, told: Any, issuer: str) -> Self:
        if not isinstance(told, dict):
            raise Away("its discovery is no object")
        said = told.get("issuer")
        if not isinstance(said, str) or said.rstrip("/") != issuer:
            raise Away("its discovery names another issuer")
        http = is_local(issuer)
        endpoints = {}
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
            url = told.get(name)
            if url is None and name == "userinfo_endpoint":
                continue
            if not isinstance(url, str) or not is_reachable(url, http=http):
                raise Away(f"its {name} is no https address")
            endpoints[name] = url
        algorithms = ALGORITHMS.intersection(_words(told, "id_token_signing_alg_values_supported", "RS256"))
        if not algorithms:
            raise Away("it signs with nothing that can be trusted")
        methods = _words(told, "token_endpoint_auth_methods_supported", "client_secret_basic")
        return cls(
            issuer=said,
            authorization_endpoint=endpoints["authorization_endpoint"],
            token_endpoint=endpoints["token_endpoint"],
            jwks_uri=endpoints["jwks_uri"],
            userinfo_endpoint=endpoints.get("userinfo_endpoint"),
            algorithms=algorithms,
            takes_basic="client_secret_basic" in methods,
            names_itself=told.get("authorization_response_iss_parameter_supported") is True,
        )


def _words(told: dict[str, Any], name: str, usual: str) -> list[str]:
    given = told.get(name)
    return [each for each in given if isinstance(each, str)] if isinstance(given, list) else [usual]
