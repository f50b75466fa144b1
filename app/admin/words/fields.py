"""Words for the fields of audit entries and for their values (操作日志的字段)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.admin.words import levels
from app.admin.words.account import CHANNEL_KIND, REPLY_KIND, REPLY_TYPE
from app.admin.words.base import percent
from app.admin.words.commissions import DEPTH, plan_facts, rate
from app.admin.words.desk import PERSONAL, ROLE
from app.admin.words.orders import ORDER
from app.admin.words.payouts import WITHDRAWAL
from app.admin.words.people import DISTRIBUTOR
from app.core.money import format_yuan
from app.settings.registry import ALL

FIELD: Mapping[str, str] = {
    "list": "列表",
    "columns": "列",
    "shared": "所有管理员可用",
    "format": "格式",
    "rows": "行数",
    "personal": "完整的个人信息",
    "sha256": "文件指纹",
    "wanted": "搜索",
    "quarter": "季度",
    "ended": "退出次数",
    "year": "年份",
    "layout": "版式",
    "share_text": "文案",
    "video_url": "视频链接",
    "is_required": "必读",
    "summary": "摘要",
    "region": "所在地区",
    "detail": "详细地址",
    "hours": "营业时间",
    "phone": "电话",
    "is_open": "可自提",
    "at": "时间",
    "text": "物流信息",
    "number": "号码",
    "status": "状态",
    "carrier": "快递公司",
    "tracking_number": "快递单号",
    "gross_fen": "申请金额",
    "resolution": "处理结果",
    "menu_version": "菜单版本",
    "sent": "微信已接受",
    "username": "账号",
    "job": "任务",
    "dry_run": "试运行",
    "role": "角色",
    "name": "名称",
    "document": "内容",
    "effective_from": "生效时间",
    "kind": "触发方式",
    "keywords": "关键词",
    "reply_type": "回复类型",
    "content": "回复内容",
    "title": "标题",
    "description": "摘要",
    "picture_url": "图片地址",
    "url": "跳转地址",
    "sort": "排序",
    "is_active": "启用",
    "channel": "渠道名称",
    "channel_kind": "渠道类型",
    "is_permanent": "永久二维码",
    "owner": "归属推广码",
    "note": "备注",
    "category": "分类",
    "parent": "上级分类",
    "is_on_shelf": "在架",
    "limit_per_member": "每人限购",
    "block_kind": "模块类型",
    "block_content": "模块内容",
    "shown_from": "开始展示",
    "shown_until": "结束展示",
    "order": "顺序",
    "version": "版本",
    "blocks": "模块数",
    "draft": "原来的草稿",
    "freight": "运费模板",
    "skus": "规格与价格",
    "sku": "规格",
    "price_fen": "售价",
    "member_price_fen": "会员价",
    "list_price_fen": "划线价",
    "cost_fen": "成本",
    "stock": "库存",
    "level": "等级",
    "level_code": "等级标识",
    "level_rank": "级别序号",
    "benefits": "等级权益",
    "conditions": "升级条件",
    "keep": "保级条件",
    "kept_until": "保留至",
    "counts": "计费方式",
    "month": "所属月份",
    "amount_fen": "金额",
    "credit_fen": "多缴抵减",
    "bill": "转账单",
    "said": "微信答复",
    "rules": "运费规则",
}
# Fields of audit entries that hold one of a few stored words.
_SAID: Mapping[str, Mapping[str, str]] = {
    "role": ROLE,
    "kind": REPLY_KIND,
    "reply_type": REPLY_TYPE,
    "channel_kind": CHANNEL_KIND,
    "counts": {"piece": "按件数", "weight": "按重量"},
}


def field(name: str) -> str:
    """A field of an audit entry, or a setting's key, by its title."""
    setting = ALL.get(name)
    return setting.title if setting else FIELD.get(name, name)


def _prices(prices: Mapping[str, int | None]) -> str:
    """The prices of a SKU in an audit entry; those that are not set are left out."""
    said = (f"{field(name)} {shown(name, fen)}" for name, fen in prices.items() if fen)
    return "，".join(said)


def shown(name: str, value: object, level_name: Callable[[str], str] = str) -> str:
    """A value of an audit entry as people read it; `level_name` names a level's code."""
    if value is None:
        return "—"
    if name.endswith("_fen") and isinstance(value, int):
        return f"¥{format_yuan(value)}"
    if name.endswith("_bps") and isinstance(value, int):
        return percent(value)
    if name in _SAID:
        return _SAID[name].get(str(value), str(value))
    said_of_level = levels.shown(name, value, level_name)
    if said_of_level is not None:
        return said_of_level
    if name in ("is_active", "is_permanent", "is_on_shelf", "is_open", "shared"):
        return "是" if value else "否"
    if name == "status":
        for said in (ORDER, DISTRIBUTOR, WITHDRAWAL):
            if value in said:
                return said[str(value)][0]
    if name == "skus" and isinstance(value, dict):
        return "；".join(f"{sku}：{_prices(prices)}" for sku, prices in value.items()) or "—"
    return _plainly(name, value)


def _plan(document: Mapping[str, Any]) -> str:
    """A plan in an audit entry: its rules, its default rates, and how many others."""
    said = [f"{label} {value}" for label, value in plan_facts(document)]
    rates = document.get("default", {}).items()
    said.append("默认 " + ("、".join(f"{DEPTH[int(at)]} {rate(of)}" for at, of in rates) or "无"))
    groups = {"levels": "等级", "categories": "分类", "products": "商品"}
    said += [f"{len(document[k])} 行{title}费率" for k, title in groups.items() if document.get(k)]
    return "；".join(said)


def _plainly(name: str, value: object) -> str:
    """A value that no rule of its own says."""
    if name == "personal" and isinstance(value, list):
        return "、".join(PERSONAL.get(str(kind), str(kind)) for kind in value) or "无"
    if name == "columns" and isinstance(value, list):
        return "、".join(map(str, value))
    if name == "layout" and isinstance(value, dict):
        return f"{len(value.get('parts', []))} 个元素"
    if name == "document" and isinstance(value, dict) and "depth_cap" in value:
        return _plan(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
