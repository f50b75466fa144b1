"""The official account's messages without a network."""

from app.notices import Outgoing, SendFailed, SendRefused


class FakeSender:
    """Keeps what was sent; answers what it was told to."""

    def __init__(self, *, refuses: str = "", fails: int = 0) -> None:
        self.sent: list[Outgoing] = []
        self.refuses = refuses
        self.fails = fails

    def send(self, message: Outgoing) -> str:
        if self.fails:
            self.fails -= 1
            raise SendFailed("微信没有应答")
        if self.refuses:
            raise SendRefused(self.refuses)
        self.sent.append(message)
        return f"90{len(self.sent)}"
