"""Channels (渠道): codes of the shop's own, for campaigns and shops, and who scanned them.

- A channel's code is a scene of the official account and works as a link, too
  (`/r/<code>`). `CODE_PREFIX` tells it from a distributor's referral code.
- A channel may have an owner, a distributor whom those who come are bound to, by
  the same policy and in the same history as by a referral code.
- `scanning` writes a row for each scan or visit, whatever came of it. Where a
  binding was tried its result stands in that attempt and nowhere else.
- The first channel that a member comes by counts for good: members, orders and
  sales of a channel are those of these members from that moment on. An owner
  does not count for the own channel.
- WeChat keeps 100,000 permanent scenes for an account and never deletes one. A
  number is taken when a permanent channel is made, with the row of the channel and
  before WeChat is asked; asking again for the same channel takes no other.
"""

from app.distribution.channels.models import (
    CODE_PREFIX,
    Channel,
    ChannelKind,
    ChannelMember,
    Outcome,
    Scan,
    ScanSource,
    SceneRation,
)
from app.distribution.channels.queries import (
    Ration,
    by_ids,
    channels_page,
    counts_by_state,
    desk_scans,
    get,
    ration,
    scans_page,
    to_make,
)
from app.distribution.channels.scanning import Taken, take, take_snapshot
from app.distribution.channels.service import (
    NAME_CHARS_MAX,
    NOTE_CHARS_MAX,
    ChannelInput,
    RationUsedUp,
    change,
    create,
    keep_scene,
    start,
    stop,
)

__all__ = [
    "CODE_PREFIX",
    "NAME_CHARS_MAX",
    "NOTE_CHARS_MAX",
    "Channel",
    "ChannelInput",
    "ChannelKind",
    "ChannelMember",
    "Outcome",
    "Ration",
    "RationUsedUp",
    "Scan",
    "ScanSource",
    "SceneRation",
    "Taken",
    "by_ids",
    "change",
    "channels_page",
    "counts_by_state",
    "create",
    "get",
    "keep_scene",
    "ration",
    "desk_scans",
    "scans_page",
    "start",
    "stop",
    "take",
    "take_snapshot",
    "to_make",
]
