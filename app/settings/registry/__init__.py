"""Every business setting, by subject. Figures that law fixes say where they come from.

A setting stands once, in the module of its subject; here it is found by its name.
"""

from app.settings.registry import after_sale, desk, distribution, sales, withdrawals
from app.settings.registry.after_sale import *  # noqa: F403  (a list of them would be a second place to forget)
from app.settings.registry.desk import *  # noqa: F403
from app.settings.registry.distribution import *  # noqa: F403
from app.settings.registry.sales import *  # noqa: F403
from app.settings.registry.setting import Setting as Setting
from app.settings.registry.setting import V as V
from app.settings.registry.withdrawals import *  # noqa: F403

# In the order in which the panel and the docs show them.
ALL: dict[str, Setting[int] | Setting[str] | Setting[bool]] = {
    item.key: item
    for subject in (sales, after_sale, distribution, withdrawals, desk)
    for item in vars(subject).values()
    if isinstance(item, Setting)
}
