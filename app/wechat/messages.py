"""The server endpoint's language: pushes in plain, compatible and safe mode.

wechat.md, section 1. Signatures and ciphers are wechatpy's; what it lets through
or stumbles over is caught here.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatException
from wechatpy.replies import ArticlesReply, BaseReply, TextReply, TransferCustomerServiceReply
from wechatpy.utils import WeChatSigner

BODY_BYTES_MAX = 64 * 1024


class MessageRefused(Exception):
    """Not from WeChat, or not for us; answered with 403."""


@dataclass(frozen=True)
class Push:
    """One message or event (消息). `event` is empty for messages.

    `scene` is the scene of a scan, `text` what was written or a menu's key. A
    delivery event tells what became (`status`) of our message `message_id`.
    """

    openid: str
    kind: str
    event: str
    dedupe_key: str
    scene: str = ""
    text: str = ""
    message_id: str = ""
    status: str = ""


class Endpoint:
    """Checks, opens and answers what is posted to /wechat/callback."""

    def __init__(self, *, appid: str, original_id: str, token: str, aes_key: str) -> None:
        self._appid = appid
        self._original_id = original_id
        self._token = token
        self._aes_key = aes_key

    def check(self, query: Mapping[str, str]) -> None:
        """Raises MessageRefused unless `signature` is WeChat's."""
        signer = WeChatSigner()
        signer.add_data(self._token, query.get("timestamp", ""), query.get("nonce", ""))
        # wechatpy compares with `!=`, which tells an attacker how far they got.
        given = query.get("signature", "").encode()
        if not hmac.compare_digest(str(signer.signature).encode(), given):
            raise MessageRefused("signature")

    def open(self, query: Mapping[str, str], body: bytes) -> Push | None:
        """The push in a checked request's body; None if nobody could read it.

        Raises MessageRefused: too large, forged, or for another account.
        """
        if len(body) > BODY_BYTES_MAX:
            raise MessageRefused("size")
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise MessageRefused("entities")
        if query.get("encrypt_type") == "aes":
            body = self._decrypt(query, body)
        try:
            message = parse_message(body)
        except Exception:
            # wechatpy raises whatever the XML makes it stumble over.
            return None
        if message is None or not isinstance(message.source, str) or not message.source:
            return None
        if message.target != self._original_id:
            raise MessageRefused("target")
        try:
            return _push(message)
        except ValueError:
            # wechatpy reads its numbers when they are asked for.
            return None

    def text_reply(self, push: Push, text: str, *, timestamp: int) -> str:
        """The XML of a text reply, before any encryption."""
        return self._render(TextReply(content=_cdata(text)), push, timestamp)

    def article_reply(
        self,
        push: Push,
        *,
        title: str,
        description: str,
        picture_url: str,
        url: str,
        timestamp: int,
    ) -> str:
        """The XML of a reply with one article; WeChat shows no more to a person's message."""
        reply = ArticlesReply()
        reply.add_article(
            {
                "title": _cdata(title),
                "description": _cdata(description),
                "image": _cdata(picture_url),
                "url": _cdata(url),
            }
        )
        return self._render(reply, push, timestamp)

    def service_reply(self, push: Push, *, timestamp: int) -> str:
        """The XML that makes WeChat hand the person to customer service."""
        return self._render(TransferCustomerServiceReply(), push, timestamp)

    def seal(self, query: Mapping[str, str], reply: str, *, timestamp: int, nonce: str) -> str:
        """The reply as WeChat wants it in this request's mode."""
        if not reply:
            return "success"
        if query.get("encrypt_type") != "aes":
            return reply
        return str(self._crypto().encrypt_message(reply, nonce, str(timestamp)))

    def _render(self, reply: BaseReply, push: Push, timestamp: int) -> str:
        reply.source, reply.target, reply.time = self._original_id, push.openid, timestamp
        return str(reply.render())

    def _decrypt(self, query: Mapping[str, str], body: bytes) -> bytes:
        try:
            opened = self._crypto().decrypt_message(
                body,
                query.get("msg_signature", ""),
                query.get("timestamp", ""),
                query.get("nonce", ""),
            )
        except (WeChatException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MessageRefused(type(error).__name__) from error
        except Exception as error:
            # A wrong key surfaces as struct.error, an ExpatError, and others.
            raise MessageRefused(type(error).__name__) from error
        opened = opened.encode() if isinstance(opened, str) else opened
        if b"<!DOCTYPE" in opened or b"<!ENTITY" in opened:
            raise MessageRefused("entities")
        return bytes(opened)

    def _crypto(self) -> WeChatCrypto:
        return WeChatCrypto(self._token, self._aes_key, self._appid)


def _cdata(text: str) -> str:
    """wechatpy puts text into CDATA as it is; this ends it nowhere."""
    return text.replace("]]>", "]]]]><![CDATA[>")


def _push(message: Any) -> Push:
    raw = message._data  # noqa: SLF001  (the only way to fields it has no name for)
    # wechatpy calls all that it has no class for "unknown", events among them.
    kind = str(raw.get("MsgType") or "").lower()
    event = str(getattr(message, "event", "") or raw.get("Event") or "").lower()
    is_event = kind == "event" or kind.startswith("device_")
    message_id, status = _delivery(raw) if is_event else ("", "")
    if message.id and not is_event:
        dedupe = f"msg:{message.id}"
    else:
        created = raw.get("CreateTime", "")
        # Two messages may be delivered to one person in one second.
        what = raw.get("EventKey") or message_id
        dedupe = f"{message.source}:{created}:{event or kind}:{what}"
    return Push(
        openid=message.source,
        kind="event" if is_event else kind,
        event=event if is_event else "",
        dedupe_key=dedupe[:160],
        scene=str(getattr(message, "scene_id", "") or ""),
        text=str(getattr(message, "content", "") or getattr(message, "key", "") or ""),
        message_id=message_id,
        status=status,
    )


def _delivery(raw: Mapping[str, Any]) -> tuple[str, str]:
    """The message id and what became of it, from a delivery event; empty in others."""
    if raw.get("MsgID"):
        return str(raw["MsgID"]), str(raw.get("Status") or "")
    sent = raw.get("SubscribeMsgSentEvent")
    told = sent.get("List") if isinstance(sent, dict) else None
    if isinstance(told, dict) and told.get("MsgID"):
        is_well = str(told.get("ErrorCode", "")) == "0"
        why = str(told.get("ErrorStatus") or "")
        return str(told["MsgID"]), "success" if is_well else f"failed:{why}"
    return "", ""
