from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import Model, UTCDateTime


class Identity(Model):
    """Who a member is to the tax office (实名信息). Name and number are sealed at rest."""

    __tablename__ = "tax_identities"

    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("members.id"), primary_key=True, autoincrement=False
    )
    name: Mapped[str] = mapped_column(EncryptedText)
    number: Mapped[str] = mapped_column(EncryptedText)
    # A keyed hash of the number: one person may have several accounts, but one income.
    person: Mapped[str] = mapped_column(sa.String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @property
    def masked_name(self) -> str:
        return f"{self.name[0]}{'*' * (len(self.name) - 1)}"

    @property
    def masked_number(self) -> str:
        """`330102199001011234` as `3301**********1234`."""
        return f"{self.number[:4]}{'*' * 10}{self.number[-4:]}"
