"""A deal as columns, and back."""

from typing import Final

from fleetwire.fleet.events import Deal

DEAL_COLUMNS: Final = ", ".join('"order"' if name == "order" else name for name in Deal.__struct_fields__)
"""The columns of a deal, in the order of its fields."""


def deal_of(  # one name for each column: the fastest way there is to make a million of them
    ticket: int,
    order: int,
    time_msc: int,
    type: str,
    entry: str,
    magic: int,
    position_id: int,
    reason: str,
    volume: float,
    price: float,
    commission: float,
    swap: float,
    fee: float,
    profit: float,
    symbol: str,
    comment: str,
) -> Deal:
    """Make a deal of its columns; they were checked when they came, and their types are the table's."""
    return Deal(
        ticket=ticket,
        order=order,
        time_msc=time_msc,
        type=type,
        entry=entry,
        magic=magic,
        position_id=position_id,
        reason=reason,
        volume=volume,
        price=price,
        commission=commission,
        swap=swap,
        fee=fee,
        profit=profit,
        symbol=symbol,
        comment=comment,
    )
