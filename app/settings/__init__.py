"""Typed business settings (业务设置), each with its default, bounds and history.

A setting is declared once in `registry.py`. A change is a new row: the newest
row of a key is in force, the older ones are its history.
"""

from app.settings import registry
from app.settings.models import SettingChange
from app.settings.queries import history
from app.settings.registry import Setting
from app.settings.service import change, everything, guard, several, value

__all__ = [
    "Setting",
    "SettingChange",
    "change",
    "everything",
    "guard",
    "history",
    "registry",
    "several",
    "value",
]
