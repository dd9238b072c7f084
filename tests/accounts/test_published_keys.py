"""Public keys, for other programs that are to know our users."""

import httpx
import jwt

from resolvers.token import Algorithm
from server.settings import Settings
from tests.accounts.signed_in import VIEWER, newcomer
from tests.client import Client
from tests.running import served

KEYS = "/.well-known/jwks.json"


async def test_with_eddsa_anybody_can_verify_a_token_by_the_published_keys(settings: Settings) -> None:
    paired = settings.model_copy(update={"jwt_algorithm": Algorithm.EDDSA, "former_secret_keys": ["former"]})
    async with served(paired) as (app, url), httpx.AsyncClient() as http:
        ada = await newcomer(app, Client(http, url))
        assert (await ada.ask(VIEWER)).it == {"email": ada.email}
        answer = await http.get(f"{url}{KEYS}")
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert [set(key) for key in answer.json()["keys"]] == [{"kty", "crv", "alg", "use", "kid", "x"}] * 2
        key = jwt.PyJWKSet.from_dict(answer.json())[jwt.get_unverified_header(str(ada.token))["kid"]]
        claims = jwt.decode(str(ada.token), key, algorithms=["EdDSA"], audience="leporello", issuer="leporello")
        assert claims["sub"] == ada.user_id[3:]


async def test_with_a_shared_secret_nothing_is_published(town: tuple[object, Client]) -> None:
    client = town[1]
    assert (await client.http.get(f"{client.url}{KEYS}")).status_code == 404
