"""The shop's other systems (开放接口): keys by which they call us.

`keys` are made at the desk, shown once and kept as a hash; each has scopes, an end
and the networks from which it works. `writes` lets a client repeat a write that it
got no answer to: it is done once, and the answer of the first time is kept for a day.
"""

from app.integrations import keys, writes
from app.integrations.errors import InProgress, KeyReused, MissingScope, NoKey, WrongNetwork
from app.integrations.models import ApiKey, ApiWrite, Scope

__all__ = [
    "ApiKey",
    "ApiWrite",
    "InProgress",
    "KeyReused",
    "MissingScope",
    "NoKey",
    "Scope",
    "WrongNetwork",
    "keys",
    "writes",
]
