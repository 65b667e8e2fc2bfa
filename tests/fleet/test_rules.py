"""A rules file changes what it names and nothing else, and every mistake in it is named."""

from pathlib import Path

import pytest

from fleetwire.fleet.rules import LIMITS_MAX, RULES_MAX, RuleBook, default_rules, read_rules
from fleetwire.wire.errors import ConfigError

MINE = """
[[rule]]
name = "mine"
subject = "expert"
when = "drawdown_pct > 3 and profit_factor < 1"
message = "EA {ea_id} does badly"
"""


def test_a_rule_of_a_default_s_name_changes_only_the_fields_that_it_has() -> None:
    before = default_rules().rules["ea_drawdown"]
    after = read_rules('[[rule]]\nname = "ea_drawdown"\nthreshold = 15\nlevel = "critical"', "r.toml").rules[
        "ea_drawdown"
    ]
    assert (after.threshold, after.level) == (15, "critical")
    assert after.when is not None
    assert before.when is not None
    assert (after.when.text, after.form.message) == (before.when.text, before.form.message)
    assert after.when.holds({"drawdown_pct": 15.1})
    assert not after.when.holds({"drawdown_pct": 14.0})
    assert (before.origin, after.origin) == ("default", "default, changed by r.toml")


def test_a_new_rule_is_added_and_a_default_can_be_disabled() -> None:
    book = read_rules(MINE + '[[rule]]\nname = "ea_drawdown"\nenabled = false', "r.toml")
    assert set(book.rules) == {*default_rules().rules, "mine"}
    assert not book.rules["ea_drawdown"].enabled
    mine = book.rules["mine"]
    assert (mine.origin, mine.level, mine.notify, mine.value) == ("r.toml", "warning", True, "drawdown_pct")
    assert mine.names == ("drawdown_pct", "profit_factor", "ea_id")


def test_targets_are_those_that_rules_name() -> None:
    assert read_rules(MINE + 'notify = ["phone", "mail"]', "r.toml").targets() == {"phone", "mail"}


def rule(**fields: str) -> str:
    lines = {"name": '"mine"', "subject": '"expert"', "when": '"paused"', "message": '"m"'} | fields
    return "[[rule]]\n" + "\n".join(f"{name} = {value}" for name, value in lines.items() if value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rule(when='"drawdown_ptc > 3"'), "r.toml: rule mine: when: drawdown_ptc: did you mean drawdown_pct?"),
        (rule(clear='"drawdown_pct"'), "r.toml: rule mine: clear: drawdown_pct is a number and no condition"),
        (rule(message='"{ea_di}"'), "r.toml: rule mine: message: ea_di: did you mean ea_id?"),
        (rule(clear_message='"{name!r}"'), "r.toml: rule mine: clear_message: {name:}: a form is like"),
        (rule(value='"drawdown"'), "r.toml: rule mine: value: drawdown: did you mean drawdown_pct?"),
        (rule(value='"link"'), "value: link is a text: only a number can be shown"),
        (rule(subject='"exprt"'), "r.toml: rule mine: subject: exprt: did you mean expert?"),
        (rule(subject=""), "r.toml: rule mine: subject: is missing: there are expert, account"),
        (rule(when=""), "r.toml: rule mine: when: is missing: it says what raises the alert"),
        (rule(message=""), "r.toml: rule mine: message: is missing: it says what people are told"),
        (rule(wehn='"paused"'), "r.toml: rule mine: wehn: did you mean when?"),
        (rule(level='"loud"'), "r.toml: rule mine: level ('loud'): invalid enum value 'loud': there are info, warning"),
        (rule(for_s="-1"), "r.toml: rule mine: for_s (-1): expected float >= 0.0"),
        (rule(for_s='"1 min"'), "r.toml: rule mine: for_s ('1 min'): expected float, got str"),
        (rule(for_s="nan"), "r.toml: rule mine: for_s"),
        (rule(repeat_s="0.1"), "r.toml: rule mine: repeat_s (0.1): expected float >= 1.0"),
        (rule(threshold='"10"'), "r.toml: rule mine: threshold ('10'): expected float | null, got str"),
        (rule(enabled="1"), "r.toml: rule mine: enabled (1): expected bool, got int"),
        (rule(notify="[1]"), "r.toml: rule mine: notify ([1]): expected str, got int"),
        (rule(name='"My rule"'), "r.toml: rule 1: name: give it one of small letters"),
        (rule(name="7"), "r.toml: rule 1: name: give it one"),
        (MINE + MINE, "r.toml: rule mine: stands twice"),
        ('[rule]\nname = "a"', "r.toml: rule: write [[rule]] with two brackets"),
        ("rule = [1]", "r.toml: rule: write [[rule]] with two brackets"),
        (
            '[[rules]]\nname = "a"',
            "r.toml: rules: only [[rule]] and [[limit]] stand in a rules file: did you mean rule?",
        ),
        ("[[rule]", "r.toml: is no TOML"),
        ("a = " + "[" * 5000, "r.toml: is no TOML"),
        ("#" * 500_001, "r.toml: has more than 500,000 characters"),
        (
            '[[rule]]\nname = "ea_id_claimed_twice"\nwhen = "paused"',
            "rule ea_id_claimed_twice: when: an event is found by",
        ),
        ('[[rule]]\nname = "ea_drawdown"\nsubject = "terminal"', "rule ea_drawdown: when: drawdown_pct: there are"),
        ('[[rule]]\nname = "a"\n[[limit]]\naccount = "*"\nmax_loss = 1', "rule a: subject: is missing"),
        ("[[limit]]\nmax_loss = 1", 'r.toml: limit 1: account: is missing: give "Server/login"'),
        ('[[limit]]\naccount = "5"\nmax_loss = 1', "r.toml: limit 5: account: write it like"),
        ('[[limit]]\naccount = "*"', "r.toml: limit *: limits nothing: give max_daily_loss"),
        ('[[limit]]\naccount = "*"\nmax_los = 1', "r.toml: limit 1: max_los: did you mean max_loss?"),
        ('[[limit]]\naccount = "*"\nmax_loss = -1', "r.toml: limit 1: max_loss (-1): expected float > 0.0"),
        ('[[limit]]\naccount = "*"\nmax_loss = 1\nmax_loss_pct = 1', "max_loss: is given in money and in percent"),
        ('[[limit]]\naccount = "*"\nmax_loss_pct = 101', "max_loss_pct (101): expected float <= 100.0"),
        ('[[limit]]\naccount = "*"\nmax_loss = 1\nuntil_profit = 0', "until_profit: only a trailing limit has it"),
        ('[[limit]]\naccount = "*"\nmax_loss = 1\nmeasured_from = "x"', "measured_from ('x'): invalid enum value"),
        ('[[limit]]\naccount = "*"\nmax_loss = 1\n' * 2, "r.toml: limit *: stands twice"),
    ],
)
def test_a_mistake_is_named_with_file_rule_field_and_what_is_meant(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_rules(text, "r.toml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_there_is_an_end_to_the_rules_and_the_limits_of_a_file() -> None:
    with pytest.raises(ConfigError, match=f"more than {RULES_MAX} rules"):
        read_rules("".join(rule(name=f'"r{number}"') + "\n" for number in range(RULES_MAX)), "r.toml")
    with pytest.raises(ConfigError, match=f"more than {LIMITS_MAX} limits"):
        read_rules("".join(f'[[limit]]\naccount="A/{n}"\nmax_loss=1\n' for n in range(1, LIMITS_MAX + 2)), "r.toml")


def test_limits_are_read_with_the_rules() -> None:
    book = read_rules('[[limit]]\naccount = "A B/5"\nmax_daily_loss_pct = 5\ntrailing = true\nmax_loss = 1', "r.toml")
    limit = book.limits.of("A B/5")
    assert limit is not None
    assert (limit.max_daily_loss_pct, limit.trailing) == (5.0, True)
    assert len(RuleBook().limits) == 0


def test_what_the_page_about_alerts_shows_is_what_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8")
    blocks = [part.split("```")[0] for part in page.split("```toml rules\n")[1:]]
    assert blocks
    for block in blocks:
        read_rules(block, "docs/alerts.md")
