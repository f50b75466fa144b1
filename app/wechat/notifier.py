"""Template messages and subscription notices (模板消息、订阅通知). wechat.md, section 7."""

import re
from dataclasses import dataclass

from app.notices import Channel, Outgoing, SendFailed, SendRefused
from app.wechat.account import Account, WeChatUnavailable

_FIELD = re.compile(r"\{\{\s*([A-Za-z_]+\d*)\.DATA\s*\}\}")
# Sent before with this client_msg_id: the answer was lost, the message was not.
_SENT_BEFORE = 43117
# WeChat's word on this person, this template or this account: no retry helps.
_REFUSALS = {
    40003: "openid 不属于这个公众号",
    40036: "模板 ID 无效，请重新选择模板",
    40037: "模板不存在或已被删除，请重新选择模板",
    41030: "跳转页面不正确",
    43004: "用户没有关注公众号",
    43019: "用户拉黑了公众号",
    43101: "用户没有订阅，或订阅次数已用完",
    43116: "模板已被微信封禁",
    45103: "用户收到的订阅通知过多，微信没有发送",
    47003: "字段内容不合微信的要求，请检查模板配置",
    48001: "公众号没有这个接口的权限",
    48004: "公众号的接口权限被封禁",
    50002: "用户受到限制",
}


@dataclass(frozen=True)
class AccountTemplate:
    """A template that the official account has (我的模板)."""

    template_id: str
    title: str
    fields: list[str]
    content: str


class Notifier:
    """Implements `notices.NoticeSender` by the official account."""

    def __init__(self, account: Account, *, public_base: str) -> None:
        self._account = account
        self._public_base = public_base

    def templates(self) -> list[AccountTemplate]:
        """What may be mapped. Raises WeChatUnavailable."""
        return [
            AccountTemplate(
                str(row["template_id"]),
                str(row.get("title", "")),
                list(dict.fromkeys(_FIELD.findall(str(row.get("content", ""))))),
                str(row.get("content", "")),
            )
            for row in self._account.private_templates()
        ]

    def send(self, message: Outgoing) -> str:
        data = {key: {"value": value} for key, value in message.fields.items()}
        common = {"touser": message.openid, "template_id": message.template_id, "data": data}
        page = f"{self._public_base}{message.path}"
        try:
            if message.channel is Channel.SUBSCRIPTION:
                return self._account.send_subscription({**common, "page": page})
            return self._account.send_template(
                {**common, "url": page, "client_msg_id": message.client_id}
            )
        except WeChatUnavailable as error:
            if error.errcode == _SENT_BEFORE and message.channel is Channel.TEMPLATE:
                return ""
            if error.errcode in _REFUSALS:
                raise SendRefused(f"{_REFUSALS[error.errcode]}（{error.errcode}）") from error
            why = (
                "微信没有应答" if error.errcode is None else f"微信暂时不能发送（{error.errcode}）"
            )
            raise SendFailed(why) from error
