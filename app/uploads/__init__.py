"""Pictures that members upload (会员图片), for reviews, after-sales and the like.

A picture is checked by its content and encoded anew (`catalog.media`): metadata
such as the place where it was taken is gone, and so is whatever was appended. Its
name is random. It belongs to who uploaded it, and only they can use it, once.
What is not used within a day, or was released, is deleted by `sweep`.
"""

from app.uploads.models import MemberUpload
from app.uploads.service import (
    A_DAY_MAX,
    TooManyUploads,
    keep,
    release,
    release_all,
    sweep,
    use,
)

__all__ = [
    "A_DAY_MAX",
    "MemberUpload",
    "TooManyUploads",
    "keep",
    "release",
    "release_all",
    "sweep",
    "use",
]
