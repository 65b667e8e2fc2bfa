"""What was refused is in the audit, and nobody can fill it by being refused."""

from fleetwire.fleet.commands.refusals import Refusals


def test_a_flood_of_refusals_is_counted_and_leaves_the_others_alone() -> None:
    refusals = Refusals()
    made = [refusals.left_out("tok_1", 1000.0) for _ in range(1000)]
    assert made == [0] * 30 + [None] * 970
    assert refusals.left_out("tok_2", 1000.0) == 0
    assert refusals.left_out("tok_1", 1002.0) == 970
    assert refusals.left_out("tok_1", 1004.0) == 0, "they were told of"


def test_names_are_bounded() -> None:
    refusals = Refusals()
    for number in range(10_001):
        refusals._left_out[f"tok_{number}"] = 1
    for _ in range(31):
        refusals.left_out("one more", 1000.0)
    assert len(refusals._left_out) == 10_001, "one came, one went"
    assert "tok_0" not in refusals._left_out
