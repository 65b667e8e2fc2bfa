"""JSON as hypothesis makes it."""

from hypothesis import strategies as st

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.sampled_from(["NaN", "Infinity", "null", "\x00", "\u2028"])
)


def objects_of(inner: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(texts, inner, max_size=4)


values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | objects_of(inner), max_leaves=12)
objects = objects_of(values)
