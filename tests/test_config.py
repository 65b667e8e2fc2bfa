"""Settings: who overrules whom, and what a wrong one is told."""

import os
from pathlib import Path

import pytest

from fleetwire.config import TABLES, Settings, config_directory, describe, load
from fleetwire.wire.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, far from anybody's own settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def nowhere(folder: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(folder / "nothing"), "APPDATA": str(folder / "nothing")}


def test_without_anything_the_defaults_hold(folder: Path) -> None:
    found = load({}, nowhere(folder))
    assert found.settings == Settings()
    assert set(found.origins.values()) == {"default"}


def test_a_flag_overrules_the_environment_overrules_the_file(folder: Path) -> None:
    Path("fleetwire.toml").write_text('host = "127.0.0.2"\nport = 1\nlog_level = "debug"\n')
    environment = nowhere(folder) | {"WEBSOCKET_PORT": "2", "WEBSOCKET_HOST": "127.0.0.3"}
    settings, origins = load({"host": "127.0.0.4", "port": None}, environment)
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.4", 2, "debug")
    assert (origins["host"], origins["port"], origins["log_level"]) == ("flag", "environment", "fleetwire.toml")
    assert origins["auth_token"] == "default"


def test_the_users_own_file_is_found_and_the_one_here_comes_first(folder: Path) -> None:
    environment = nowhere(folder)
    own = config_directory(environment)
    own.mkdir(parents=True)
    (own / "fleetwire.toml").write_text("port = 1111\n")
    assert load({}, environment).settings.port == 1111
    Path("fleetwire.toml").write_text("port = 2222\n")
    assert load({}, environment).settings.port == 2222


def test_a_named_file_is_the_only_one(folder: Path) -> None:
    Path("fleetwire.toml").write_text("port = 1111\n")
    Path("other.toml").write_text('auth_token = "from-a-file"\n[limits]\nchannels_max = 5\n')
    settings, origins = load({}, nowhere(folder), Path("other.toml"))
    assert (settings.port, settings.auth_token, settings.limits.channels_max) == (8765, "from-a-file", 5)
    assert origins["limits"] == "other.toml"


def test_lists_in_the_environment_are_separated_by_commas(folder: Path) -> None:
    environment = nowhere(folder) | {"WEBSOCKET_ALLOWED_ORIGINS": "https://a.example, https://b.example"}
    assert load({}, environment).settings.allowed_origins == ["https://a.example", "https://b.example"]


def test_an_empty_variable_is_none(folder: Path) -> None:
    assert load({}, nowhere(folder) | {"WEBSOCKET_PORT": ""}).settings.port == 8765


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("prot = 1", "unknown setting prot: did you mean port?"),
        ("zzz = 1", "unknown setting zzz: there are host, port"),
        ('port = "8765"', "port ('8765'): expected int, got str"),
        ("port = 70000", "port (70000): expected int <= 65535"),
        ("heartbeat_timeout = 0", "heartbeat_timeout (0): expected float > 0.0"),
        ('log_level = "loud"', "log_level ('loud')"),
        ("port =", "is no TOML"),
        ("[limits]\nchannel_max = 1", "channel_max"),
        ("[retention]\nnews_day = 3", "news_day"),
        ("[retention]\nevents_max = 0", "retention: events_max must be a whole number above 0"),
        ("[limits]\nchannels_max = 0", "channels_max must be a whole number above 0"),
        ("[limits]\nstall_timeout_s = -1", "stall_timeout_s must be a number above 0"),
        ("heartbeat_interval = inf", "heartbeat_interval (inf): expected float <= 86400"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(folder: Path, toml: str, said: str) -> None:
    Path("fleetwire.toml").write_text(toml)
    with pytest.raises(ConfigError) as refused:
        load({}, nowhere(folder))
    assert said in str(refused.value)
    assert "fleetwire.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_variable_and_a_wrong_flag_are_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"WEBSOCKET_PORT \('eighty'\)"):
        load({}, nowhere(folder) | {"WEBSOCKET_PORT": "eighty"})
    with pytest.raises(ConfigError, match="--port"):
        load({"port": "-1"}, nowhere(folder))


def test_a_missing_file_that_was_named_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: can't be read"):
        load({}, nowhere(folder), Path("gone.toml"))


def test_a_wrong_token_is_not_repeated(folder: Path) -> None:
    Path("fleetwire.toml").write_text("auth_token = 918273645\n")
    with pytest.raises(ConfigError) as refused:
        load({}, nowhere(folder))
    assert "918273645" not in str(refused.value)
    Path("fleetwire.toml").write_text("expert_token = 918273645\n")
    with pytest.raises(ConfigError) as refused:
        load({}, nowhere(folder))
    assert "918273645" not in str(refused.value)
    assert "canary" not in repr(Settings(auth_token="canary", expert_token="canary"))


def test_every_setting_is_described() -> None:
    names = [name for name, _, _, text in describe() if text]
    assert names == [name for name in Settings.__struct_fields__ if name not in TABLES]


@pytest.mark.skipif(os.name == "nt", reason="POSIX paths")
def test_the_users_folder_follows_the_standard() -> None:
    assert config_directory({"XDG_CONFIG_HOME": "/somewhere"}) == Path("/somewhere/fleetwire")
    assert config_directory({}) == Path.home() / ".config" / "fleetwire"
