import json
import re

import pytest
from factories import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pipeline import config
from pipeline.core.errors import ParamsError

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
BASELINE = {
    "input": "scalar",
    "embedding_dim": 0,
    "model_velocity": False,
    "cell": "lstm",
    "units": [8],
    "dropout": 0.0,
    "dense_units": 0,
    "output_dropout": 0.0,
    "heads": "regression",
    "head_dim": 0,
    "loss_on": "last",
    "stateful": False,
    "learning_rate": 0.001,
}


def write_changed_params(folder, key: str, value: object, **block: object):
    """Write the parameters of the project, with one architecture and one key changed."""
    tree = YAML(typ="safe", pure=True).load(TEXT)
    tree |= {"architectures": ["baseline"], "model": {"baseline": BASELINE | block}}
    *sections, last = key.split(".")
    place = tree
    for section in sections:
        place = place[section]
    place[last] = value
    path = folder / "params.yaml"
    path.write_text(json.dumps(tree))  # JSON is YAML
    return path


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train.epochz", 3, "train.epochz: no such parameter"),
        ("model.baseline.unit", [8], "model.baseline.unit: no such parameter"),
        ("optimiser", "adam", "optimiser: no such parameter"),
        (
            "model.baseline.learning_rate",
            "1e-3",
            "model.baseline.learning_rate: .*valid number, not '1e-3'",
        ),
        ("train.epochs", 2.0, "train.epochs: .*valid integer, not 2.0"),
        ("train.epochs", True, "train.epochs: .*valid integer, not True"),
        ("train.epochs", "3", "train.epochs: .*valid integer, not '3'"),
        (
            "model.baseline.model_velocity",
            1,
            "model.baseline.model_velocity: .*valid boolean, not 1",
        ),
        ("model.baseline.units", 128, "model.baseline.units: .*valid list, not 128"),
        ("model.baseline.units", [], r"model.baseline.units: .*at least 1 item.*not \[\]"),
        (
            "model.baseline.units",
            [8, 0],
            "model.baseline.units.1: .*greater than or equal to 1, not 0",
        ),
        ("model.baseline.output_dropout", 1.0, "output_dropout: .*less than 1, not 1.0"),
        ("model.baseline.loss_on", "both", "loss_on: .*'last' or 'all', not 'both'"),
        ("train", None, "train: .*not nothing"),
        ("train.epochs", 0, "train.epochs: .*greater than or equal to 1, not 0"),
        (
            "generate.sampling.pitch_temperature",
            0.0,
            "sampling.pitch_temperature: .*greater than 0, not 0.0",
        ),
        (
            "generate.sampling.time_top_p",
            1.5,
            "generate.sampling.time_top_p: .*less than or equal to 1, not 1.5",
        ),
        ("compare.split", "train", "compare.split: .*'validation' or 'test', not 'train'"),
        ("corpus", "../etc", "corpus: .*not '../etc'"),
        ("seed", -1, "seed: .*not -1"),
        ("architectures", [], "architectures: .*at least 1"),
        (
            "architectures",
            ["baseline", "big"],
            "architectures names 'big', but there is no block model.big",
        ),
        ("architectures", ["baseline", "baseline"], "architectures names one twice"),
    ],
)
def test_a_fault_is_one_line_that_names_key_and_value(tmp_path, key, value, message):
    with pytest.raises(ParamsError, match=message) as caught:
        config.load_params(write_changed_params(tmp_path, key, value))
    assert str(caught.value).startswith(str(tmp_path / "params.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"cell": "bilstm", "stateful": True},
            "model.baseline: .*bilstm.*set stateful: false",
        ),
        (
            {"cell": "bilstm", "loss_on": "all"},
            "model.baseline: .*has read the targets.*loss_on: last",
        ),
        ({"embedding_dim": 64}, "model.baseline: embedding_dim .*0 with input: scalar"),
        ({"model_velocity": True}, "model.baseline: .*set model_velocity: false"),
        ({"model_pedal": True}, "model.baseline: model_pedal: true needs model_velocity: true"),
        ({"head_dim": 64}, "model.baseline: head_dim is 0 with heads: regression"),
        ({"dropout": 0.3}, "model.baseline: dropout needs two layers .*output_dropout"),
    ],
)
def test_a_wrong_combination_is_one_line(tmp_path, block, message):
    with pytest.raises(ParamsError, match=message) as caught:
        config.load_params(write_changed_params(tmp_path, "seed", 1, **block))
    assert "\n" not in str(caught.value)


def test_valid_combinations_are_read(tmp_path):
    for block in (
        {"stateful": True},
        {"cell": "bilstm", "stateful": False},
        {"units": [8, 4], "dropout": 0.3},
    ):
        read = config.load_params(
            write_changed_params(tmp_path, "seed", 1, **block)
        ).get_model_config("baseline")
        assert read.model_dump() == BASELINE | block


@pytest.mark.parametrize("section", list(YAML(typ="safe", pure=True).load(TEXT)))
def test_no_value_is_made_up_for_one_that_is_missing(tmp_path, section):
    path = write_changed_params(tmp_path, "seed", 1)
    tree = json.loads(path.read_text())
    del tree[section]
    path.write_text(json.dumps(tree))
    with pytest.raises(ParamsError, match=f"{section}: Field required"):
        config.load_params(path)


@pytest.mark.parametrize(
    ("written", "read"),
    [("1e-3", 0.001), ("1E-3", 0.001), ("1", 1.0), ('"1e-3"', None), (".inf", None), ("yes", None)],
)
def test_a_number_is_read_as_yaml_1_2_and_text_is_refused(tmp_path, written, read):
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"(?<=learning_rate: )\S+", written, TEXT, count=1))
    if read is not None:
        assert config.load_params(path).model["baseline"].learning_rate == read
    else:
        with pytest.raises(ParamsError, match=r"model\.baseline\.learning_rate: "):
            config.load_params(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "- 3",
        "a: [",
        "a: b: c",
        "seed: 1\nseed: 2",
        "\tseed: 1",
        "seed: 2001-13-45",
        "&a [*a]",
        "{}: 1",
    ],
)
def test_what_is_no_params_file_is_one_line(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as caught:
        config.load_params(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=40))
def test_any_bytes_are_refused_in_one_line(tmp_path, data):
    path = tmp_path / "params.yaml"
    path.write_bytes(data)
    with pytest.raises(ParamsError) as caught:
        config.load_params(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "new"),
    [
        ("train.threads", "train.threads: is called train.num_threads now"),
        ("floors", "floors: is called ngrams now"),
        (
            "model.baseline.width",
            "model.baseline.width: is called model.baseline.embedding_dim now",
        ),
        (
            "train.windowed.learning_rate",
            r"train\.windowed\.learning_rate: is called model\.\*\.learning_rate \(one for each",
        ),
        (
            "train.stateful.learning_rate",
            r"train\.stateful\.learning_rate: is called model\.\*\.learning_rate \(one for each",
        ),
        ("model.baseline.memory", r"model.baseline.stateful .*carried"),
    ],
)
def test_an_old_key_is_one_line_that_names_the_new_key(tmp_path, key, new):
    with pytest.raises(ParamsError, match=new):
        config.load_params(write_changed_params(tmp_path, key, 1))


@pytest.mark.parametrize("key", config.REMOVED_KEYS)
def test_a_removed_key_is_one_line_that_says_why(tmp_path, key):
    with pytest.raises(ParamsError, match=r"no parameter any more, since .*; remove it"):
        config.load_params(write_changed_params(tmp_path, key, 1))


def test_every_new_key_of_the_table_of_old_keys_exists(project):
    values = project.model_dump()
    for old, new in config.RENAMED_KEYS.items():
        place = values
        for part in new.partition(" ")[0].replace("*", "baseline").split("."):
            assert part in place, f"{old} -> {new}"
            place = place[part]


def test_a_missing_file_says_where_to_run(tmp_path):
    with pytest.raises(ParamsError, match=r"params.yaml: cannot be read .*project's folder"):
        config.load_params(tmp_path / "params.yaml")


def test_a_stage_sees_its_own_sections_only(project):
    restricted = project.restrict_to(["seed", "train"])
    assert (restricted.seed, restricted.train) == (project.seed, project.train)
    for hidden in ("model", "corpus", "generate", "architectures"):
        with pytest.raises(AttributeError):
            getattr(restricted, hidden)


def test_parameters_cannot_be_changed(project):
    with pytest.raises(ValueError, match="frozen"):
        project.train.epochs = 3


def test_an_unknown_architecture_is_named_with_those_there_are(project):
    with pytest.raises(ParamsError, match=r"no architecture 'big' .*baseline"):
        project.get_model_config("big")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs keys and values, not nothing"),
        ("- 1\n", "needs keys and values, not [1]"),
        (
            re.sub(r"(?m)^windows:\n(  .*\n)+", "windows: 3\n", TEXT),
            "windows: needs keys and values, not 3",
        ),
    ],
)
def test_a_file_or_section_without_keys_is_refused_without_words_of_python(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError) as caught:
        config.load_params(tmp_path / "params.yaml")
    assert str(caught.value) == f"{tmp_path / 'params.yaml'}: {message}"


def test_a_model_of_the_pedal_needs_notes_that_tell_it(project):
    tree = project.model_dump()
    tree["model"]["expressive"]["model_pedal"] = True
    assert config.validate_params(tree, "here").model["expressive"].model_pedal
    tree["ingest"]["sustain_pedal"] = True
    with pytest.raises(ParamsError) as caught:
        config.validate_params(tree, "here")
    assert str(caught.value) == (
        "here: model.expressive.model_pedal: true needs ingest.sustain_pedal: false; with true, no note tells the pedal"
    )
    tree["architectures"] = ["baseline"]
    config.validate_params(tree, "here")


def test_the_weight_of_the_pedal_is_written_only_where_it_is_another(project):
    weights = project.train.loss_weights
    assert weights.pedal == 0.2
    assert "pedal" not in weights.model_dump()
    assert weights.model_copy(update={"pedal": 0.5}).model_dump()["pedal"] == 0.5
