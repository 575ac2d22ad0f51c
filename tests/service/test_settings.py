"""Settings come from a file, the environment and the command line, in this order, and nothing unknown is swallowed."""

import pytest

from stormcell.errors import ConfigError
from stormcell.service.settings import MethodSettings, read_settings


def test_later_ones_win(tmp_path):
    file = tmp_path / "service.toml"
    file.write_text('watch = "radar"\nlead = "30min"\nkeep_hours = 3\n[[methods]]\nname = "steps"\nmembers = 12\n')
    environment = {"STORMCELL_SERVE_LEAD": "60min", "STORMCELL_SERVE_KEEP_HOURS": "5", "STORMCELL_OTHER": "x"}
    settings = read_settings(file, environment=environment, keep_hours=7, source=None)
    assert (settings.lead, settings.keep_hours, str(settings.watch)) == ("60min", 7, "radar")
    assert settings.methods == (MethodSettings(name="steps", members=12),)
    assert read_settings(environment={"STORMCELL_SERVE_THRESHOLDS": "[1.0, 2.0]"}, watch="radar").thresholds == (1.0, 2.0)


def test_addresses_follow_the_folder(tmp_path):
    settings = read_settings(environment={}, watch="radar", folder=tmp_path)
    assert settings.database_address == f"sqlite:///{tmp_path}/service.sqlite" and settings.fields_address == f"{tmp_path}/fields"
    elsewhere = read_settings(environment={}, watch="radar", database="postgresql+psycopg://a/b", fields="s3://bucket")
    assert (elsewhere.database_address, elsewhere.fields_address) == ("postgresql+psycopg://a/b", "s3://bucket")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"watch": "a", "source": "mrms"}, "either `watch`"),
        ({"watch": "a", "bbox": "9.9,55.1,9.7,55.3"}, "west below east"),
        ({"watch": "a", "keep_hours": 0}, "keep_hours"),
        ({"watch": "a", "colour": "red"}, "colour: Extra inputs"),
        ({"watch": "a", "methods": ()}, "methods: expected at least one"),
        ({"watch": "a", "methods": ({"name": "x"}, {"name": "x"})}, "each once"),
    ],
)
def test_what_makes_no_sense_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        read_settings(environment={}, **given)


def test_a_broken_file_is_named(tmp_path):
    file = tmp_path / "service.toml"
    file.write_text("watch = ")
    with pytest.raises(ConfigError, match=r"service\.toml: expected a TOML file"):
        read_settings(file, environment={})
