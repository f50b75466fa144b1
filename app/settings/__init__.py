"""Typed business settings (业务设置), each with its default, bounds and history.

A setting is declared once in `registry`. A change is a new row: the newest
row of a key is in force, the older ones are its history. Each process keeps what is in
force, and a query that is asked anyway tells it whether that changed (`service`). What
decides about money leaving is changed by two people (`proposals`).
"""

from app.settings import registry
from app.settings.models import SettingChange, SettingProposal
from app.settings.proposals import (
    OwnProposal,
    SettingMoved,
    decide,
    open_proposal,
    open_proposals,
    propose,
)
from app.settings.queries import history
from app.settings.registry import Setting
from app.settings.service import (
    STAMP,
    as_of,
    change,
    everything,
    forget_kept,
    guard,
    presumed,
    several,
    value,
)

__all__ = [
    "STAMP",
    "OwnProposal",
    "Setting",
    "SettingChange",
    "SettingMoved",
    "SettingProposal",
    "as_of",
    "change",
    "decide",
    "everything",
    "forget_kept",
    "guard",
    "history",
    "open_proposal",
    "open_proposals",
    "presumed",
    "propose",
    "registry",
    "several",
    "value",
]
