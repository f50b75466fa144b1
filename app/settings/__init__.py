"""Typed business settings (业务设置), each with its default, bounds and history.

A setting is declared once in `registry`. A change is a new row: the newest
row of a key is in force, the older ones are its history. What decides about money
leaving is changed by two people (`proposals`).
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
from app.settings.service import change, everything, guard, several, value

__all__ = [
    "OwnProposal",
    "Setting",
    "SettingChange",
    "SettingMoved",
    "SettingProposal",
    "change",
    "decide",
    "everything",
    "guard",
    "history",
    "open_proposal",
    "open_proposals",
    "propose",
    "registry",
    "several",
    "value",
]
