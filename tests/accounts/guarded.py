"""Somebody whose sign-in asks for a code too."""

import json
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID, uuid4

from server.app import App
from tests.accounts.authenticator import Authenticator
from tests.client import PASSWORD, Answer, Client

BEGIN = """
mutation Begin($password: String) { beginTwoFactor(password: $password) { secret uri userErrors { code path } } }
"""
CONFIRM = (
    "mutation Confirm($code: String!) { confirmTwoFactor(code: $code) { recoveryCodes userErrors { code path } } }"
)
DISABLE = """
mutation Disable($input: DisableTwoFactorInput!) { disableTwoFactor(input: $input) { ok userErrors { code path } } }
"""
REGENERATE = """
mutation Regenerate($password: String, $code: String!) {
  regenerateRecoveryCodes(password: $password, code: $code) { recoveryCodes userErrors { code path } }
}
"""
SIGN_IN = """
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    tokens { accessToken refreshToken } challenge { kind challengeToken expiresAt } userErrors { code message path }
  }
}
"""
COMPLETE = """
mutation Complete($input: CompleteChallengeInput!) {
  completeChallenge(input: $input) {
    tokens { accessToken refreshToken } viewer { id email } challenge { kind challengeToken }
    userErrors { code message path }
  }
}
"""
STATE = "{ viewer { twoFactorEnabled recoveryCodesLeft } }"


@dataclass
class Guarded:
    """With a password, an authenticator, and the recovery codes that were shown."""

    app: App
    client: Client
    authenticator: Authenticator
    recovery: list[str] = field(default_factory=list)

    @classmethod
    async def made(cls, app: App, nobody: Client) -> Self:
        client = await nobody.sign_up(f"Ada{uuid4().hex}")
        begun = (await client.ask(BEGIN, password=PASSWORD)).it
        guarded = cls(app, client, Authenticator(begun["secret"]))
        await guarded.sql("UPDATE users SET email_verified_at = now() WHERE id = $1", guarded.id)
        guarded.recovery = (await client.ask(CONFIRM, code=guarded.authenticator.code())).it["recoveryCodes"]
        await guarded.rest()
        return guarded

    @property
    def id(self) -> UUID:
        return UUID(self.client.user_id[3:])

    async def rest(self) -> None:
        """Time passes: a code of now is good once more."""
        await self.sql("UPDATE totps SET last_step = last_step - 9 WHERE user_id = $1", self.id)

    async def challenged(self) -> str:
        """Signs in with the password; the token of what is due then."""
        payload = (await self.client.ask(SIGN_IN, input={"email": self.client.email, "password": PASSWORD})).it
        assert payload["tokens"] is None and payload["challenge"]["kind"] == "TOTP"
        return str(payload["challenge"]["challengeToken"])

    async def complete(self, token: str, code: str) -> Answer:
        return await self.client.ask(COMPLETE, input={"challengeToken": token, "code": code})

    async def sql(self, statement: str, *arguments: Any) -> list[Any]:
        async with self.app.parts.database.engine.begin() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            return list(await driver.fetch(statement, *arguments))

    async def events(self) -> list[str]:
        """What was noted since the second factor is on, oldest first; the sign-ins that went well left out."""
        noted = await self.sql("SELECT kind FROM security_events WHERE user_id = $1 ORDER BY at, id", self.id)
        kinds = [row["kind"] for row in noted if row["kind"] not in ("SIGNED_IN", "SIGNED_UP")]
        return kinds[kinds.index("TWO_FACTOR_ENABLED") + 1 :]

    async def notices(self) -> list[tuple[str, int | None]]:
        """What is owed to them by mail, oldest first, and how many codes are left; new sign-ins left out."""
        owed = await self.sql("SELECT payload::text AS payload FROM jobs WHERE name = 'mail.notice' ORDER BY id")
        payloads = [json.loads(row["payload"]) for row in owed]
        mine = [each for each in payloads if each["user_id"] == str(self.id) and each["kind"] != "SIGNED_IN"]
        return [(each["kind"], each["facts"]["left"]) for each in mine]

    async def sessions(self) -> int:
        [row] = await self.sql("SELECT count(*) FROM sessions WHERE user_id = $1", self.id)
        return int(row["count"])
