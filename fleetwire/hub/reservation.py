"""Positions are reserved before they are given away, so that over restarts none ever names two messages."""


class Reservation:
    """Says when the next block of positions has to be reserved.

    What `due` gives is to be written where a restart finds it (`Hub.restore` goes on above it); the first one before
    anything is published. It is asked for half a block ahead: that many messages may be published while it is written.

    Args:
        until: the newest position that is reserved; 0 if none ever was.
        block: how many are reserved at a time.
    """

    def __init__(self, until: int = 0, block: int = 1_000_000) -> None:
        self.until = until
        self._block = block

    def due(self, position: int) -> int | None:
        """Give the position up to which to reserve now; None while enough is reserved.

        Args:
            position: of the newest message.
        """
        if self.until - position >= self._block // 2:
            return None
        self.until = position + self._block
        return self.until
