"""A rules file that can't be read is named."""

from pathlib import Path

import pytest

from fleetwire.fleet.rules import default_rules
from fleetwire.rulefile import rule_book
from fleetwire.wire.errors import ConfigError


def test_without_a_file_there_are_the_default_rules() -> None:
    assert set(rule_book(None).rules) == set(default_rules().rules)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nname = "ea_drawdown"\nthreshold = 12\n')
    assert rule_book(path).rules["ea_drawdown"].threshold == 12
    path.write_text('[[rule]]\nname = "ea_drawdown"\nlevel = 12\n')
    with pytest.raises(ConfigError, match=r"rules\.toml: rule ea_drawdown: level"):
        rule_book(str(path))


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: can't be read"):
        rule_book(tmp_path / "gone.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    with pytest.raises(ConfigError, match=r"latin\.toml: is no TOML: it is not UTF-8"):
        rule_book(tmp_path / "latin.toml")
