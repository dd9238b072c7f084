"""What it is: rows, their rules, and the facts we announce."""

from sqlmodel import SQLModel

from models.attempt import Attempt
from models.book import Book, Visibility
from models.element import Element, ElementKind, TextAlign
from models.email_link import EmailLink, Purpose
from models.event import Batch, Event
from models.factor import RecoveryCode, Totp
from models.identity import Identity, IdentityRequest
from models.image import Image, ImageStatus, ImageVariant
from models.invitation import Invitation
from models.job import JobSchedule, JobState, QueuedJob
from models.mail import InvitationToken, PhotoFailure
from models.member import Member, Role
from models.object import StoredObject
from models.page import Page
from models.passkey import Passkey, PasskeyChallenge
from models.permission import Permission
from models.security_event import SecurityEvent, SecurityEventKind
from models.session import RefreshToken, Session
from models.sign_in import ChallengeKind, Proof, SignIn
from models.user import User

__all__ = [
    "Attempt",
    "Batch",
    "Book",
    "ChallengeKind",
    "Element",
    "ElementKind",
    "EmailLink",
    "Event",
    "Identity",
    "IdentityRequest",
    "Image",
    "ImageStatus",
    "ImageVariant",
    "Invitation",
    "InvitationToken",
    "JobSchedule",
    "JobState",
    "Member",
    "Page",
    "Passkey",
    "PasskeyChallenge",
    "Permission",
    "PhotoFailure",
    "Proof",
    "Purpose",
    "QueuedJob",
    "RecoveryCode",
    "RefreshToken",
    "Role",
    "SQLModel",
    "SecurityEvent",
    "SecurityEventKind",
    "Session",
    "SignIn",
    "StoredObject",
    "TextAlign",
    "Totp",
    "User",
    "Visibility",
]
