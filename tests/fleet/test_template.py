"""The texts of alerts show figures, and nothing else."""

import pytest

from fleetwire.fleet.figures import Kind
from fleetwire.fleet.template import Template
from fleetwire.wire.errors import ConfigError

FIGURES = {
    "ea_id": Kind.number,
    "drawdown_pct": Kind.number,
    "name": Kind.text,
    "paused": Kind.truth,
    "symbols": Kind.texts,
}


def test_a_text_shows_figures_in_their_forms() -> None:
    template = Template(
        "EA {ea_id} ({name}) exceeds {threshold:g}% ({drawdown_pct:.1f}%)", FIGURES, {"threshold": 10.0}
    )
    assert (
        template.told({"ea_id": 12345, "name": "Grid", "drawdown_pct": 10.44}) == "EA 12345 (Grid) exceeds 10% (10.4%)"
    )
    assert template.names == ("ea_id", "name", "drawdown_pct")


def test_what_is_absent_true_or_many_can_be_shown() -> None:
    template = Template("{drawdown_pct:+,.2f} {paused} {symbols} {{}}", FIGURES)
    assert template.told({"symbols": ["EURUSD", "USDJPY"], "paused": True}) == "unknown yes EURUSD, USDJPY {}"
    assert template.told({"drawdown_pct": 1234.5}) == "+1,234.50 unknown unknown {}"


def test_a_moment_is_written_for_people() -> None:
    told = Template("silent since {name}", FIGURES).told({"name": "2026-11-24T14:56:25.340Z"})
    assert told == "silent since 2026-11-24 14:56:25 UTC"


def test_a_figure_can_not_break_a_line_nor_make_a_text_endless() -> None:
    template = Template("{name}", FIGURES)
    assert template.told({"name": "a\r\n\x1b[31mb{ea_id}"}) == "a???[31mb{ea_id}"
    assert len(template.told({"name": "x" * 5000})) == 600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{drawdown_ptc}", "drawdown_ptc: did you mean drawdown_pct?"),
        ("{name.__class__}", "only the name of a figure can stand there"),
        ("{name[0]}", "only the name of a figure"),
        ("{}", "only the name of a figure"),
        ("{0}", "only the name of a figure"),
        ("{name!r}", "a form is like .1f"),
        ("{drawdown_pct:>99999999}", "a form is like .1f"),
        ("{drawdown_pct:{ea_id}}", "a form is like .1f"),
        ("{drawdown_pct:.99f}", "a form is like .1f"),
        ("{name:.1f}", "name is a text, and only a number has a form"),
        ("{name", "a brace is left open"),
        ("name}", "a brace is left open"),
        ("", "must have 1 to 300 characters"),
        ("x" * 301, "must have 1 to 300 characters"),
    ],
)
def test_a_mistake_or_an_attack_is_refused_when_it_is_read(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        Template(text, FIGURES)
    assert said in str(error.value)
