"""Access tokens: what makes one good, and everything that does not."""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.refusal import Unauthenticated
from models.session import ACCESS_LIFETIME
from resolvers.context import Viewer
from resolvers.keyring import Keyring
from resolvers.token import (
    LEEWAY,
    AccessTokens,
    Algorithm,
    Claims,
    RefreshTokens,
    SigningKeys,
    TokenExpired,
    hash_of,
    opaque_token,
)
from resolvers.token import access as module
from server.auth import context_of, enter
from server.graphql.entrance import Entrance

SECRET = "a secret of the tests, with more than enough characters"
KEY = hmac.digest(SECRET.encode(), b"access token", "sha256")
TOKENS = AccessTokens(Keyring(SECRET))
PAIRED = AccessTokens(Keyring(SECRET), Algorithm.EDDSA)
PUBLISHED = SigningKeys(Keyring(SECRET)).published()["keys"][0]
STRANGERS = Ed25519PrivateKey.generate()
USER, SESSION = uuid4(), uuid4()
REFUSED = "The access token is not valid. Refresh the session, or sign in."


def claims(**otherwise: Any) -> dict[str, Any]:
    """Those of a good token, but for what is said; what is None is left out."""
    now = int(time.time())
    good = {"iss": "leporello", "aud": "leporello", "sub": str(USER), "sid": str(SESSION), "iat": now, "exp": now + 900}
    return {name: value for name, value in (good | otherwise).items() if value is not None}


def signed(payload: Any = None, key: bytes = KEY, algorithm: str = "sha256", **header: Any) -> str:
    """A token put together by hand, with whatever header."""
    head = {"alg": "HS256", "typ": "at+jwt"} | header
    text = f"{_part(head)}.{_part(claims() if payload is None else payload)}"
    return f"{text}.{_shown(hmac.digest(key, text.encode(), algorithm))}"


def _part(value: Any) -> str:
    return _shown(value if isinstance(value, bytes) else json.dumps(value).encode())


def _shown(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _unsigned(algorithm: str) -> str:
    return f"{_part({'alg': algorithm, 'typ': 'at+jwt'})}.{_part(claims())}."


def _raw(value: str) -> bytes:
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _by_stranger(**header: Any) -> str:
    return jwt.encode(claims(), STRANGERS, "EdDSA", headers={"typ": "at+jwt", **header})


def _without(claim: str) -> str:
    return signed(claims(**{claim: None}))


ATTACKS: dict[str, Callable[[], str]] = {
    **{f"alg {name}": partial(_unsigned, name) for name in ("none", "None", "NONE", "nOnE", "")},
    "none with a signature": lambda: signed(alg="none"),
    "no alg": lambda: signed(alg=None),
    "alg a list": lambda: signed(alg=["HS256"]),
    "RS256 over our key": lambda: signed(alg="RS256"),
    "HS384": lambda: signed(algorithm="sha384", alg="HS384"),
    "HS512": lambda: signed(algorithm="sha512", alg="HS512"),
    "a public key as the secret": lambda: signed(key=b"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"),
    "an empty key": lambda: signed(key=b""),
    "the bare secret": lambda: signed(key=SECRET.encode()),
    "the refresh tokens' key": lambda: signed(key=hmac.digest(SECRET.encode(), b"refresh token", "sha256")),
    "its own jwk": lambda: signed(key=b"mine", jwk={"kty": "oct", "k": _shown(b"mine")}),
    "jku": lambda: signed(key=b"mine", jku="http://127.0.0.1:9/keys"),
    "x5u": lambda: signed(key=b"mine", x5u="http://127.0.0.1:9/keys"),
    "kid a path": lambda: signed(key=b"", kid="../../../../dev/null"),
    "kid an injection": lambda: signed(key=b"mine", kid="' UNION SELECT 'mine' --"),
    "kid a number": lambda: signed(kid=7),
    "kid a list": lambda: signed(kid=["a"]),
    "kid an object": lambda: signed(kid={"a": 1}),
    "kid empty": lambda: signed(kid=""),
    "kid that nobody has": lambda: signed(kid="AAAAAAAAAAAA"),
    "the public key's kid over our secret": lambda: signed(kid=PUBLISHED["kid"]),
    "the public key as the secret": lambda: signed(key=_raw(PUBLISHED["x"]), kid=PUBLISHED["kid"]),
    "the public key as the secret, unnamed": lambda: signed(key=_raw(PUBLISHED["x"])),
    "EdDSA by a stranger": lambda: _by_stranger(kid=PUBLISHED["kid"]),
    "EdDSA by a stranger, unnamed": lambda: _by_stranger(),
    "EdDSA by a stranger with its own jwk": lambda: _by_stranger(
        jwk={"kty": "OKP", "crv": "Ed25519", "x": _shown(STRANGERS.public_key().public_bytes_raw())}
    ),
    "EdDSA with no signature": lambda: f"{signed(alg='EdDSA', kid=PUBLISHED['kid']).rpartition('.')[0]}.",
    "crit": lambda: signed(crit=["unheard-of"]),
    "b64 false": lambda: signed(b"", b64=False, crit=["b64"]),
    "typ JWT": lambda: signed(typ="JWT"),
    "no typ": lambda: signed(typ=None),
    "a header too deep": lambda: f"{_part(b'[' * 1_400)}.e30.e30",
    "a header that is no object": lambda: "MQ.e30.e30",
    "a header that is no text": lambda: f"{_part(bytes([255, 254]))}.e30.e30",
    "another signature": lambda: signed()[:-4] + "AAAA",
    "another payload": lambda: ".".join([*signed().split(".")[:1], _part(claims(sub=str(uuid4()))), "AAAA"]),
    "wrong aud": lambda: signed(claims(aud="another")),
    "wrong iss": lambda: signed(claims(iss="another")),
    **{f"no {name}": partial(_without, name) for name in ("iss", "aud", "sub", "sid", "iat", "exp")},
    "exp too far": lambda: signed(claims(exp=int(time.time()) + 901 + LEEWAY)),
    "exp huge": lambda: signed(claims(exp=10**30)),
    "exp infinite": lambda: signed(claims(exp=float("inf"))),
    "exp no number": lambda: signed(claims(exp=float("nan"))),
    "exp a text": lambda: signed(claims(exp="4102444800")),
    "exp a list": lambda: signed(claims(exp=[4102444800])),
    "iat negative": lambda: signed(claims(iat=-(10**18))),
    "iat ahead of the leeway": lambda: signed(claims(iat=int(time.time()) + LEEWAY + 5)),
    "nbf ahead of the leeway": lambda: signed(claims(nbf=int(time.time()) + LEEWAY + 5)),
    "sub no UUID": lambda: signed(claims(sub="1 OR 1=1")),
    "sub a number": lambda: signed(claims(sub=1)),
    "sid a list": lambda: signed(claims(sid=[str(SESSION)])),
    "a payload that is a list": lambda: signed([claims()]),
    "a refresh token": lambda: RefreshTokens(Keyring(SECRET)).first(SESSION),
    "nothing": lambda: "",
    "two parts": lambda: "e30.e30",
    "not ASCII": lambda: "é.é.é",
    "NUL": lambda: "\0.\0.\0",
    "a megabyte": lambda: signed(claims(more="x" * 2**20)),
    "longer than any of ours": lambda: signed(claims(more="x" * 2_000)),
}


@pytest.mark.parametrize(("tokens", "algorithm"), [(TOKENS, "HS256"), (PAIRED, "EdDSA")])
def test_a_token_says_whose_it_is_and_until_when(tokens: AccessTokens, algorithm: str) -> None:
    now = datetime.now(UTC)
    token, expires_at = tokens.issue(USER, SESSION, now)
    assert expires_at == now.replace(microsecond=0) + ACCESS_LIFETIME
    assert tokens.verify(token) == Claims(USER, SESSION, expires_at)
    header = jwt.get_unverified_header(token)
    assert header == {"alg": algorithm, "typ": "at+jwt", "kid": header["kid"]}
    assert len(header["kid"]) == 12
    # It does not outlive its session.
    soon = now + timedelta(minutes=5)
    assert tokens.issue(USER, SESSION, now, soon)[1] == soon.replace(microsecond=0)
    assert tokens.issue(USER, SESSION, now, now + timedelta(days=5))[1] == expires_at
    # The attacks below fail for what is wrong with them, and not because they are made wrongly.
    assert TOKENS.verify(signed()).user_id == USER


@pytest.mark.parametrize("tokens", [TOKENS, PAIRED], ids=["HS256", "EdDSA"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_refused_in_the_same_words(attack: str, tokens: AccessTokens) -> None:
    token = ATTACKS[attack]()
    took = []
    # The garbage collector may come by once, and not each time.
    for _ in range(3):
        before = time.thread_time()
        with pytest.raises(Unauthenticated) as refused:
            tokens.verify(token)
        took.append(time.thread_time() - before)
    assert min(took) < 0.1
    assert type(refused.value) is Unauthenticated
    assert (refused.value.message, refused.value.extensions) == (REFUSED, {"code": "UNAUTHENTICATED"})


def test_a_token_of_another_secret_is_refused() -> None:
    token, _ = AccessTokens(Keyring(SECRET + ".")).issue(USER, SESSION, datetime.now(UTC))
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token)


@pytest.mark.parametrize("before", Algorithm)
@pytest.mark.parametrize("since", Algorithm)
def test_what_a_former_secret_or_algorithm_signed_is_good_until_it_expires(before: Algorithm, since: Algorithm) -> None:
    old, _ = AccessTokens(Keyring("former"), before).issue(USER, SESSION, datetime.now(UTC))
    rotated = AccessTokens(Keyring(SECRET, ["former"]), since)
    assert rotated.verify(old).session_id == SESSION
    new, _ = rotated.issue(USER, SESSION, datetime.now(UTC))
    assert AccessTokens(Keyring(SECRET), since).verify(new).session_id == SESSION
    # Nothing is signed by the former secret any more, and without it what it signed is refused.
    for tokens, token in (
        (AccessTokens(Keyring("former"), since), new),
        (AccessTokens(Keyring(SECRET), since), old),
    ):
        with pytest.raises(Unauthenticated):
            tokens.verify(token)


def test_a_token_of_before_keys_had_ids_is_good_until_it_expires() -> None:
    former = hmac.digest(b"former", b"access token", "sha256")
    rotated = AccessTokens(Keyring(SECRET, ["older", "former"]), Algorithm.EDDSA)
    assert rotated.verify(signed(key=former)).session_id == SESSION
    with pytest.raises(TokenExpired):
        rotated.verify(signed(claims(iat=1_000_000_000, exp=1_000_000_900), key=former))


def test_who_has_the_published_keys_can_verify_and_cannot_sign() -> None:
    keys = jwt.PyJWKSet.from_dict(SigningKeys(Keyring(SECRET, ["former"])).published())
    assert [set(key._jwk_data) for key in keys.keys] == [{"kty", "crv", "alg", "use", "kid", "x"}] * 2
    for tokens in (PAIRED, AccessTokens(Keyring("former"), Algorithm.EDDSA)):
        token, _ = tokens.issue(USER, SESSION, datetime.now(UTC))
        key = keys[jwt.get_unverified_header(token)["kid"]]
        assert jwt.decode(token, key, algorithms=["EdDSA"], audience="leporello")["sub"] == str(USER)


def test_no_key_is_shown() -> None:
    keys = SigningKeys(Keyring(SECRET), Algorithm.EDDSA)
    assert repr(keys.newest) == f"Key(id='{keys.newest.id}', algorithm=<Algorithm.EDDSA: 'EdDSA'>)"


@pytest.mark.parametrize(("late", "good"), [(-60, True), (LEEWAY - 2, True), (LEEWAY + 1, False), (3600, False)])
def test_it_expires_after_the_leeway_in_the_same_words(late: int, good: bool) -> None:
    token, _ = TOKENS.issue(USER, SESSION, datetime.now(UTC) - ACCESS_LIFETIME - timedelta(seconds=late))
    if good:
        assert TOKENS.verify(token).session_id == SESSION
    else:
        with pytest.raises(TokenExpired) as refused:
            TOKENS.verify(token)
        assert refused.value.message == REFUSED


def test_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    assert LEEWAY <= 30
    assert TOKENS.verify(signed(claims(iat=int(time.time()) + LEEWAY - 2)))


def test_the_successor_of_a_refresh_token_is_always_the_same_and_ours_alone_to_tell() -> None:
    tokens = RefreshTokens(Keyring(SECRET))
    first = tokens.first(SESSION)
    assert first != tokens.first(SESSION) and len(first) == 86
    [successor] = tokens.nexts(first, SESSION)
    assert [successor] == RefreshTokens(Keyring(SECRET)).nexts(first, SESSION) != [first]
    assert [successor] != RefreshTokens(Keyring("another")).nexts(first, SESSION)
    assert len(hash_of(first)) == 32 and hash_of(first) != hash_of(successor)
    # The newest secret's comes first; those of former ones are known.
    after = RefreshTokens(Keyring("another", [SECRET])).nexts(first, SESSION)
    assert after == [*RefreshTokens(Keyring("another")).nexts(first, SESSION), successor]


def test_a_refresh_token_of_ours_is_known_for_its_sessions_and_no_other_is() -> None:
    tokens = RefreshTokens(Keyring(SECRET))
    first = tokens.first(SESSION)
    [second] = tokens.nexts(first, SESSION)
    for token in (first, second):
        assert tokens.session_of(token) == SESSION
        assert RefreshTokens(Keyring("another", [SECRET])).session_of(token) == SESSION
        assert RefreshTokens(Keyring("another")).session_of(token) is None
    raw = bytearray(_raw(first))
    forged = []
    for at in (0, 15, 16, 47, 48, 63):
        raw[at] ^= 1
        forged.append(_shown(bytes(raw)))
        raw[at] ^= 1
    # The last character says four bits that nothing is made of.
    spare = first[:-1] + chr(ord(first[-1]) + 1)
    assert _raw(spare) == _raw(first)
    for token in (*forged, spare, "", first[:-1], f"{first}A", "é" * 86, "+" * 86, "!" * 86, "\ud800" * 86):
        assert tokens.session_of(token) is None


def test_user_and_session_are_taken_from_the_token_as_they_are() -> None:
    token, _ = TOKENS.issue(UUID(int=1), UUID(int=2), datetime.now(UTC))
    assert (TOKENS.verify(token).user_id, TOKENS.verify(token).session_id) == (UUID(int=1), UUID(int=2))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signature was computed."""
    tokens: list[str] = []
    decode = jwt.decode_complete

    def note(token: str, *given: Any, **named: Any) -> Any:
        tokens.append(token)
        return decode(token, *given, **named)

    monkeypatch.setattr(jwt, "decode_complete", note)
    return tokens


def test_a_known_token_is_not_verified_again_and_one_that_was_refused_is(decoded: list[str]) -> None:
    tokens = AccessTokens(Keyring(SECRET))
    good, bad = signed(), signed(typ="JWT")
    assert tokens.verify(good) == tokens.verify(good)
    assert decoded == [good]
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            tokens.verify(bad)
    assert decoded == [good, bad, bad]
    with pytest.raises(Unauthenticated):
        tokens.verify(good[:-4] + "AAAA")
    with pytest.raises(Unauthenticated):
        AccessTokens(Keyring(SECRET + ".")).verify(good)


def test_a_known_token_expires_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = AccessTokens(Keyring(SECRET))
    good = signed()
    expires = tokens.verify(good).expires_at.timestamp()
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: expires + LEEWAY - 0.001))
    assert tokens.verify(good).user_id == USER
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: expires + LEEWAY))
    with pytest.raises(TokenExpired) as refused:
        tokens.verify(good)
    assert refused.value.message == REFUSED


def test_no_more_tokens_are_remembered_than_the_limit(monkeypatch: pytest.MonkeyPatch, decoded: list[str]) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    tokens = AccessTokens(Keyring(SECRET))
    first, second, third = (signed(claims(sid=str(uuid4()))) for _ in range(3))
    for token in (first, second, first, third, first, second):
        tokens.verify(token)
    assert decoded == [first, second, third, second]


async def test_a_known_token_says_nothing_about_its_session() -> None:
    ended: set[UUID] = set()
    parts: Any = SimpleNamespace(tokens=TOKENS, revocations=SimpleNamespace(covers=ended.__contains__))
    entrance = Entrance(signed(), "a", "192.0.2.1", "A browser")
    context = context_of(parts, entrance)
    assert isinstance(context.caller, Viewer)
    assert (context.caller.user_id, context.caller.session_id) == (USER, SESSION)
    assert (context.ip_address, context.user_agent) == ("192.0.2.1", "A browser")
    assert await enter(parts, entrance) == context
    ended.add(SESSION)
    caller = context_of(parts, entrance).caller
    assert isinstance(caller, Unauthenticated) and caller.message == "The session has ended. Sign in again."
    assert context_of(parts, Entrance(None, "a", None, None)).caller is None
    assert isinstance(context_of(parts, Entrance("bad", "a", None, None)).caller, Unauthenticated)


def test_the_successor_that_a_program_without_seals_gave_is_known() -> None:
    old = opaque_token()
    pepper = Keyring(SECRET).key("refresh token")
    given = urlsafe_b64encode(hmac.digest(pepper, old.encode(), "sha256")).rstrip(b"=").decode()
    tokens = RefreshTokens(Keyring(SECRET))
    sealed, unsealed = tokens.nexts(old, SESSION)
    assert unsealed == given and tokens.session_of(sealed) == SESSION
    # Ours have one.
    assert len(tokens.nexts(sealed, SESSION)) == 1
