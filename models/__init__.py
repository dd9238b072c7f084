"""What it is: rows, their rules, and the facts we announce."""

from sqlmodel import SQLModel

from models.book import Book, Visibility
from models.element import Element, ElementKind, TextAlign
from models.event import Batch, Event
from models.image import Image, ImageStatus, ImageVariant
from models.invitation import Invitation
from models.job import JobSchedule, JobState, QueuedJob
from models.mail import InvitationToken, PhotoFailure
from models.member import Member, Role
from models.object import StoredObject
from models.page import Page
from models.session import RefreshToken, Session
from models.user import User

__all__ = [
    "Batch",
    "Book",
    "Element",
    "ElementKind",
    "Event",
    "Image",
    "ImageStatus",
    "ImageVariant",
    "Invitation",
    "InvitationToken",
    "JobSchedule",
    "JobState",
    "Member",
    "Page",
    "PhotoFailure",
    "QueuedJob",
    "RefreshToken",
    "Role",
    "SQLModel",
    "Session",
    "StoredObject",
    "TextAlign",
    "User",
    "Visibility",
]
