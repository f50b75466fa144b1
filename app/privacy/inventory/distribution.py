"""The member as a distributor: standing, inviters, appeals, scans."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app import distribution, members
from app.distribution import BindingAttempt, channels
from app.distribution.joining import form
from app.privacy.inventory.reading import every, read
from app.privacy.parts import Section


def _standing(
    found: distribution.Distributor, columns: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """A standing with what was filled in, by the names that the fields had then."""
    fields = form.fields_of(form.by_id(found.form_id))
    given = found.answers
    said = [f"{field.label}：{given[field.key]}" for field in fields if field.key in given]
    plain = tuple(column for column in columns if column[0] != "answers")
    return {**read([found], plain)[0], "answers": "；".join(said)}


def relations(member_id: int) -> list[Section]:
    standing = distribution.distributor_of(member_id)
    columns = (
        ("status", "状态"),
        ("level", "等级"),
        ("statement", "申请说明"),
        ("answers", "申请表"),
        ("applied_at", "申请时间"),
        ("approved_at", "通过时间"),
    )
    attempts = every(
        sa.select(BindingAttempt).filter_by(member_id=member_id).order_by(BindingAttempt.id)
    )
    owners = members.names_of(row.owner_id for row in attempts if row.owner_id)
    attempt_columns = (
        ("at", "时间"),
        ("source", "来源"),
        ("code", "推广码"),
        ("owner", "推荐人"),
        ("result", "结果"),
    )
    appeal_columns = (
        ("created_at", "时间"),
        ("text", "申诉说明"),
        ("status", "状态"),
        ("answer", "商家答复"),
    )
    scan_columns = (("at", "时间"), ("source", "来源"), ("channel", "渠道"), ("result", "结果"))
    scans = every(
        sa.select(channels.Scan).filter_by(member_id=member_id).order_by(channels.Scan.id)
    )
    return [
        Section(
            "distributor",
            "分销资格",
            "佣金的依据",
            "注销后不再对应到你本人",
            columns,
            [_standing(standing, columns)] if standing else [],
        ),
        Section(
            "bindings",
            "推荐关系记录",
            "说明推荐人从何而来",
            "注销后不再对应到你本人",
            attempt_columns,
            [
                {
                    "at": row.at,
                    "source": row.source,
                    "code": row.code,
                    "owner": owners[row.owner_id].masked_name if row.owner_id else "",
                    "result": row.result,
                }
                for row in attempts
            ],
        ),
        Section(
            "appeals",
            "归属申诉",
            "答复你对推荐人的疑问",
            "注销时删除内容",
            appeal_columns,
            read(distribution.appeals.of_member(member_id, limit=1000), appeal_columns),
        ),
        Section(
            "scans",
            "扫码记录",
            "统计各渠道带来的顾客",
            "注销后不再对应到你本人",
            scan_columns,
            [
                {
                    "at": row.at,
                    "source": row.source,
                    "channel": row.channel.name if row.channel else "",
                    "result": row.result,
                }
                for row in scans
            ],
        ),
    ]
