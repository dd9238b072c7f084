"""The enumerations that models define, as the schema shows them.

Registered before anything is made with them: Strawberry would else give a bare one a definition of its own.
"""

import strawberry

from models import ImageStatus, ImageVariant, Role, TextAlign, Visibility
from models.operation import OperationStatus, StackPosition
from models.session import DevicePlatform
from models.sign_in import ChallengeKind
from models.user import Language

strawberry.enum(Language, description="The language of mails and sentences.")
strawberry.enum(DevicePlatform)
strawberry.enum(
    ChallengeKind,
    description=(
        "TOTP: a code of six digits, or a recovery code. NEW_PASSWORD: the one that was sent has to be replaced. "
        "VERIFY_EMAIL: the link in the mail has to be opened; then go on without a code."
    ),
)
strawberry.enum(
    Role,
    description=(
        "OWNER: everything. EDITOR: changes the canvas, images, pages, title and cover. CONTRIBUTOR: adds own "
        "images, places nothing. VIEWER: sees."
    ),
)
strawberry.enum(
    ImageStatus,
    description=(
        "PENDING: a ticket is out; the bytes are not there yet. PROCESSING: they are being checked. READY. "
        "FAILED: refused; see failureReason. Nothing of it is kept in the bucket."
    ),
)
strawberry.enum(
    ImageVariant,
    description="THUMBNAIL: at most 250 px on its longer side. PREVIEW: at most 1440 px. ORIGINAL: as uploaded.",
)
strawberry.enum(TextAlign)
strawberry.enum(
    Visibility,
    description="PRIVATE: members only. PUBLIC: anyone may read.",
)
strawberry.enum(
    OperationStatus,
    description="NOOP: what was asked for is already so. GONE: its element or page is gone.",
)
strawberry.enum(StackPosition)
