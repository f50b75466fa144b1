"""What the mall knows of a person, and their rights over it (隐私与个人信息).

个人信息保护法: consent with the version of the text and the time (art. 14), a copy
of what is kept (art. 45), deletion (art. 47). This package stands above the domains,
asks each for its part, and is the only one that knows all of them. A part that lives
still higher registers itself as a `Part`.

- `inventory` lists what is kept of one member, why and how long. It is the page, and
  it is the export. Others appear in it only by masked names.
- `service.erase` deletes an account, if nothing is open. Orders and money rows stay,
  as trade and tax law want for years, under a member who is nobody: openid, name,
  picture, addresses, what they said and looked at are gone. Audit entries and the
  ledger cannot be changed by anybody, and hold no name, phone or address.
- Who was below a deleted distributor stays there: see `distribution.leave`.
- WeChat Pay's raw notices stay as they came: sealed by WeChat, proof of payment.
"""

from app.privacy.inventory import sections
from app.privacy.parts import Part, Section, register
from app.privacy.service import (
    EXPORT_EVERY,
    ExportedLately,
    Reason,
    StillOpen,
    claim_export,
    erase,
    reasons_against,
)
from app.privacy.text import DOCUMENT, PARAGRAPHS, VERSION, agree, has_agreed

__all__ = [
    "DOCUMENT",
    "EXPORT_EVERY",
    "PARAGRAPHS",
    "VERSION",
    "ExportedLately",
    "Part",
    "Reason",
    "Section",
    "StillOpen",
    "agree",
    "claim_export",
    "erase",
    "has_agreed",
    "reasons_against",
    "register",
    "sections",
]
