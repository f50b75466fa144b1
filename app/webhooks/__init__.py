"""Calls from WeChat (回调): signed, not logged in, answered within 5 seconds.

`messages` takes what happens in the chat, `payments` the notices of WeChat Pay,
`verification` the question whose domain this is.
Each checks the signature first, stores what came under WeChat's own id, then
acts; a repeat is answered as the first.
"""

from flask import Blueprint, Flask

from app import privacy

bp = Blueprint("webhooks", __name__, url_prefix="/wechat")


def init_app(app: Flask) -> None:
    # Imported here for the views that they add to `bp`.
    from app.webhooks import messages, own_data, payments, verification  # noqa: F401

    privacy.register(own_data.CHAT)
    app.register_blueprint(bp)
    app.register_blueprint(verification.bp)
