"""What the links in mails lead to in development, where there is no web client: what its page would have run."""

import re
from dataclasses import dataclass
from typing import Final

from jinja2 import Template
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.mail.guard import guarded

#: Its one script reads what stands behind the #, which no server is sent.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_BOOK: Final = re.compile(r"bk_[0-9a-f-]{36}")
_ERRORS: Final = "userErrors { code message path }"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one kind of link leads. In the operation TOKEN stands for its token, and ID for the book in its path."""

    path: str
    title: str
    words: str
    operation: str


PLACES: Final = (
    Place(
        "/verify-email",
        "Confirm an address",
        "Best signed in as its owner: for anybody else, passkeys, logins and a second factor from before are removed. "
        "Good for 24 hours, and once.",
        f'mutation VerifyEmail {{\n  verifyEmail(token: "TOKEN") {{\n    ok\n    {_ERRORS}\n  }}\n}}\n',
    ),
    Place(
        "/reset-password",
        "Set a new password",
        "Write the new password between the quotation marks. Good for 2 hours, and once.",
        'mutation ResetPassword {\n  resetPassword(input: { token: "TOKEN", newPassword: "" }) {\n'
        "    tokens { accessToken refreshToken }\n    challenge { kind challengeToken }\n"
        f"    {_ERRORS}\n  }}\n}}\n",
    ),
    Place(
        "/invitation",
        "Accept an invitation",
        "Sign in first, as the one who accepts it.",
        'mutation AcceptInvitation {\n  acceptInvitation(token: "TOKEN") {\n    book { id title viewerRole }\n'
        f"    {_ERRORS}\n  }}\n}}\n",
    ),
    Place(
        "/account/security",
        "What happened to an account",
        "Sign in first, as its owner.",
        "query Security {\n  viewer {\n    sessions { id ipAddress userAgent lastSeenAt }\n"
        "    securityEvents { nodes { kind at ipAddress userAgent } }\n  }\n}\n",
    ),
    Place(
        "/books/{id}",
        "A book",
        "Sign in first, as one of its members.",
        'query Book {\n  book(id: "ID") {\n    title\n    viewerRole\n    memberCount\n  }\n}\n',
    ),
)


def routes_of(template: Template) -> list[Route]:
    return [_route(place, template) for place in PLACES]


def _route(place: Place, template: Template) -> Route:
    async def show(request: Request) -> Response:
        id = request.path_params.get("id", "")
        if id and not _BOOK.fullmatch(id):
            raise HTTPException(404)
        text = template.render(place=place, operation=place.operation.replace('"ID"', f'"{id}"'))
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return Response(text, headers=headers, media_type="text/html")

    return Route(place.path, guarded(show), methods=["GET"])
