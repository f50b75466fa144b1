"""Who the member is and was told: profile, addresses, consents, messages."""

import sqlalchemy as sa

from app import members
from app.members import Address, Consent, Member
from app.notices import Notice
from app.privacy.inventory.reading import UNTIL_GONE, every, read
from app.privacy.parts import Section


def profile(member: Member) -> Section:
    upline = members.names_of([member.upline1_id] if member.upline1_id else [])
    row = {
        "nickname": member.nickname,
        "avatar_url": member.avatar_url,
        "openid": member.openid,
        "member_number": member.public_id,
        "is_subscribed": member.is_subscribed,
        "joined_at": member.created_at,
        "upline": next((found.masked_name for found in upline.values()), ""),
        "bound_at": member.bound_at,
    }
    columns = (
        ("nickname", "昵称"),
        ("avatar_url", "头像"),
        ("openid", "微信身份编号"),
        ("member_number", "会员编号"),
        ("is_subscribed", "已关注公众号"),
        ("joined_at", "加入时间"),
        ("upline", "推荐人"),
        ("bound_at", "绑定时间"),
    )
    return Section(
        "profile", "基本资料", "识别你本人、显示昵称头像", "注销账号时删除", columns, [row]
    )


def addresses(member_id: int) -> Section:
    columns = (
        ("name", "收货人"),
        ("phone", "电话"),
        ("region", "地区"),
        ("detail", "详细地址"),
        ("is_default", "默认地址"),
        ("updated_at", "更新时间"),
    )
    rows = every(sa.select(Address).filter_by(member_id=member_id).order_by(Address.id))
    return Section(
        "addresses", "收货地址", "给你发货，加密保存", UNTIL_GONE, columns, read(rows, columns)
    )


def consents(member_id: int) -> Section:
    columns = (("document", "文件"), ("version", "版本"), ("agreed_at", "同意时间"))
    rows = every(sa.select(Consent).filter_by(member_id=member_id).order_by(Consent.id))
    return Section(
        "consents",
        "同意记录",
        "证明你同意过的约定",
        "注销后 3 年，不再对应到你本人",
        columns,
        read(rows, columns),
    )


def notices(member_id: int) -> Section:
    columns = (("created_at", "时间"), ("kind", "种类"), ("values", "内容"))
    rows = every(sa.select(Notice).filter_by(member_id=member_id).order_by(Notice.id))
    return Section(
        "notices", "消息", "告诉你订单和佣金的进展", "注销账号时删除", columns, read(rows, columns)
    )
