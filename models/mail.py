"""What mail needs to remember: who may answer an invitation, and which photos somebody has yet to hear of."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Uuid
from sqlmodel import Field, SQLModel

from models.columns import moment, now, reference


class InvitationToken(SQLModel, table=True):
    """A link that was mailed; the token itself is in the mail alone. Each try of a message has its own."""

    __tablename__ = "invitation_tokens"
    __table_args__ = (Index("invitation_tokens_by_sender", "sent_by", "made_at"),)

    hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    #: Not a foreign key: what was sent counts against its sender's limit also when it was taken back.
    invitation_id: UUID = Field(index=True)
    sent_by: UUID | None = reference("users.id", ondelete="SET NULL", nullable=True)
    job_id: int = Field(sa_type=BigInteger)
    made_at: datetime = moment(default_factory=now)
    expires_at: datetime = moment()


class PhotoFailure(SQLModel, table=True):
    """A photo that could not be used, and whose uploader was not told yet."""

    __tablename__ = "photo_failures"

    image_id: UUID = Field(sa_column=Column(Uuid, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True))
    noted_at: datetime = moment(default_factory=now)
