"""The privacy notice (隐私说明), versioned: who agreed agreed to exactly this text."""

from datetime import datetime

from app import members

DOCUMENT = members.PRIVACY
# Changes with the text; members are then asked anew.
VERSION = "2026-11-22"
PARAGRAPHS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "我们收集什么",
        (
            "微信提供的身份编号（openid）：用来识别是你本人，在你进入商城时取得。",
            "头像和昵称：你点击“同步微信头像昵称”并同意，或自己填写后取得。",
            "收货人、电话、地址：你填写收货地址时取得，只用于发货，姓名、电话和详细地址加密保存。",
            "订单、佣金与提现记录：法律要求保存的交易与账务资料。",
            "真实姓名与身份证号码：只在提现需要代扣个人所得税时，取得你的单独同意后收集，加密保存。",
            "评价与图片：你主动发布的内容，图片中的拍摄地点等信息会在上传时去除。",
            "收藏与浏览足迹：方便你找回看过的商品，足迹保存 90 天，可以随时清空。",
        ),
    ),
    (
        "谁能看到",
        (
            "推荐你的分销员只能看到你的头像、遮住中间字的昵称、加入时间和下过几单，看不到电话、地址和完整昵称。",
            "快递公司会拿到送货需要的收货人、电话和地址；微信支付会拿到付款和转账需要的资料。",
            "商家员工按岗位权限查看，操作会留下记录。我们不向其他人出售或提供你的资料。",
        ),
    ),
    (
        "你的权利",
        (
            "你可以在“我的资料”里查看我们保存了什么、导出全部资料，或注销账号。",
            "注销后，依法需要保存的交易与账务记录不再对应到你本人，期满后删除；代扣过税款的，姓名与身份证号码依法另行加密保存 10 年，不作他用。",
        ),
    ),
)
_TEXT = "\n".join(line for title, lines in PARAGRAPHS for line in (title, *lines))


def agree(member_id: int, *, now: datetime, known: str = "") -> None:
    """Keep that the member agreed to the text in force; once for each version.

    `known` is the version to which they were just seen to have agreed, if one is known.
    """
    if known == VERSION or has_agreed(member_id):
        return
    # Two first orders at the same time leave one row.
    members.locked(member_id)
    if not has_agreed(member_id):
        members.agree(member_id, document=DOCUMENT, version=VERSION, text=_TEXT, now=now)


def has_agreed(member_id: int) -> bool:
    """Whether the member agreed to the text in force."""
    return members.has_agreed(member_id, DOCUMENT, VERSION)
