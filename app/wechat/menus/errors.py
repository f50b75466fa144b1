from app.core.errors import DomainError


class MenuUnavailable(DomainError):
    """WeChat did not answer, or refused; `errcode` is its own number if it gave one."""

    code = "menu_unavailable"
    status = 502
    message = "微信暂时没有答复，请稍后再试"


class MenuBusy(DomainError):
    """Somebody else is publishing at this moment."""

    code = "menu_busy"
    message = "有人正在发布菜单，请稍后再试"


class MenuChanged(DomainError):
    """Published by somebody else since the editor was opened."""

    code = "menu_changed"
    message = "打开编辑之后，菜单已被别人发布过。请重新打开编辑，核对后再发布"
