"""Problems have the form of RFC 9457, each kind under a name of its own."""

from fleetwire.server.api.problem import Problem, ProblemKind


def test_a_problem_says_its_kind_its_status_and_where() -> None:
    details = Problem(ProblemKind.not_found, "there is no expert 7").details("/api/v1/experts/7")
    assert details.type == "urn:fleetwire:problem:not_found"
    assert details.code == "not_found"
    assert details.status == ProblemKind.not_found.status == 404
    assert details.detail == "there is no expert 7"
    assert details.instance == "/api/v1/experts/7"


def test_no_two_kinds_are_the_same() -> None:
    """An enum would make two with the same value into one."""
    assert len(ProblemKind.__members__) == len(list(ProblemKind))
