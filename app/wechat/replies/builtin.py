"""The words that answer where the shop has stored no rule."""

FOLLOW = "欢迎关注{shop}！点击下方菜单进入商城。"
# Before the words above or below, for whom the code made somebody's downline.
INVITED = "你已接受{inviter}的邀请。\n"
SCAN = "欢迎回来，点击下方菜单进入商城。"
DEFAULT = "你好，这里是{shop}。点击下方菜单可以逛商城、查订单；人工客服在工作时间内回复。"
