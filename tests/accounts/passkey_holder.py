"""Somebody with a passkey, and what the tests of passkeys ask."""

from dataclasses import dataclass, replace
from typing import Any, Self

from server.app import App
from tests.accounts.software_key import SoftwareKey
from tests.client import Answer, Client
from tests.people import somebody

_ERRORS = "userErrors { code message path }"
BEGIN = f"""
mutation Begin($password: String, $code: String) {{
  beginPasskeyRegistration(password: $password, code: $code) {{ options {_ERRORS} }}
}}
"""
COMPLETE = f"""
mutation Complete($name: String!, $credential: JSON!) {{
  completePasskeyRegistration(name: $name, credential: $credential) {{
    passkey {{ id name createdAt lastUsedAt suspended }} {_ERRORS}
  }}
}}
"""
DELETE = f"""
mutation Delete($id: ID!, $password: String) {{ deletePasskey(id: $id, password: $password) {{ ok {_ERRORS} }} }}
"""
BEGIN_SIGN_IN = f"mutation Begin($email: String) {{ beginPasskeySignIn(email: $email) {{ options {_ERRORS} }} }}"
SIGN_IN = f"""
mutation SignIn($credential: JSON!, $device: DeviceInput) {{
  completePasskeySignIn(credential: $credential, device: $device) {{
    tokens {{ accessToken refreshToken }} viewer {{ id user {{ id }} session {{ device {{ name }} }} }}
    challenge {{ kind }} {_ERRORS}
  }}
}}
"""
MINE = "{ viewer { passkeys { id name lastUsedAt suspended } } }"


def page_of(client: Client) -> str:
    """Where a browser would be: a passkey belongs to a name, not to an address."""
    return client.url.replace("127.0.0.1", "localhost")


async def begun(person: Client, **more: Any) -> Any:
    return (await person.ask(BEGIN, **more)).it["options"]


async def asked(nobody: Client, email: str | None = None) -> Any:
    return (await nobody.ask(BEGIN_SIGN_IN, email=email)).it["options"]


async def mine(person: Client) -> Any:
    return (await person.ask(MINE)).it["passkeys"]


@dataclass
class Holder:
    client: Client
    nobody: Client
    key: SoftwareKey
    passkey_id: str

    @classmethod
    async def made(cls, app: App, nobody: Client, **more: Any) -> Self:
        """Without a password: the session is fresh."""
        client = await somebody(app, nobody, "Ada")
        key = SoftwareKey(page_of(nobody), **more)
        credential = key.create(await begun(client))
        made = (await client.ask(COMPLETE, name="Phone", credential=credential)).it["passkey"]
        return cls(client, nobody, key, made["id"])

    async def sign_in(self, **lies: Any) -> Answer:
        return await self.nobody.ask(SIGN_IN, credential=self.key.get(await asked(self.nobody), **lies))

    async def comes_in(self, **lies: Any) -> Client:
        """And who that is then."""
        payload = (await self.sign_in(**lies)).it
        assert payload["viewer"]["user"]["id"] == self.client.user_id and payload["challenge"] is None
        return replace(self.client, token=payload["tokens"]["accessToken"])
