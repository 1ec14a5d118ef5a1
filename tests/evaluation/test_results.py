import json
import tempfile
from dataclasses import replace
from math import log
from pathlib import Path

import pytest
from evaluation.test_bits import ROWS
from factories import make_scores, make_tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from models.conftest import BLOCKS

from pipeline.core.errors import DataError
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.performance_events import EventStats
from pipeline.evaluation.results import Evaluation

EPOCH = st.tuples(*[st.floats(0, 1e6)] * 3).map(
    lambda row: dict(zip(("epoch", "loss", "bits_per_note"), row, strict=True))
)
EVALUATIONS = st.builds(
    Evaluation,
    architecture=st.text("abc-_", min_size=1),
    config=BLOCKS,
    parameters=st.integers(1, 10**9),
    bytes=st.integers(1, 10**9),
    histories=st.lists(st.lists(EPOCH, min_size=1, max_size=5), min_size=1, max_size=4),
    scores=ROWS.map(PieceScores.from_rows),
)


@pytest.fixture
def path(tmp_path):
    scores = PieceScores.from_rows(
        [[1, "x", "a", 4, 8.0, 2.0, 4.0], [2, "y", "b", 6, 2.0, 3.0, 1.0]]
    )
    evaluation = Evaluation(
        "tiny",
        make_tiny_model().config,
        1554,
        9000,
        [[{"epoch": 1.0, "loss": 0.5}], [{"epoch": 1.0, "loss": 0.25}]],
        scores,
    )
    evaluation.save(tmp_path / "tiny.json")
    return tmp_path / "tiny.json"


@settings(max_examples=25)
@given(evaluation=EVALUATIONS)
def test_an_evaluation_comes_back_from_disk_in_equal_bytes(evaluation):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first.json", Path(folder) / "second.json"
        evaluation.save(first)
        loaded = Evaluation.load(first)
        loaded.save(second)
        assert first.read_bytes() == second.read_bytes()
    assert loaded.scores.to_rows() == evaluation.scores.to_rows()
    for name in ("architecture", "config", "parameters", "bytes", "histories"):
        assert getattr(loaded, name) == getattr(evaluation, name)


def test_the_file_tells_bits_per_note_a_row_a_line(path):
    facts = json.loads(path.read_text())
    assert {name: facts[name] for name in ("bits_per_note", "pitch", "step", "duration")} == {
        "bits_per_note": 2.0,
        "pitch": 1.0,
        "step": 0.5,
        "duration": 0.5,
    }
    text = path.read_text()
    assert '[1, "x", "a", 4, 8.0, 2.0, 4.0],\n[2, "y", "b", 6, 2.0, 3.0, 1.0]\n' in text
    assert '["replicate", "epoch", "loss"],\n[1, 1.0, 0.5],\n[2, 1.0, 0.25]\n' in text


def test_a_bidirectional_model_does_not_stream():
    def streams(**block: object) -> bool:
        return Evaluation(
            "x",
            make_tiny_model(**block).config,
            1,
            1,
            [],
            make_scores([[3.0]]),
        ).can_stream

    assert streams(stateful=False)
    assert streams(stateful=True)
    assert not streams(cell="bilstm")


def test_a_row_of_the_history_keeps_its_names(path):
    history = [{"epoch": 1.0, "loss": 0.5}, {"loss": 0.25, "epoch": 2.0}]
    replace(Evaluation.load(path), histories=[history, history[:1]]).save(path)
    assert Evaluation.load(path).histories == [history, history[:1]]


def test_events_come_back_and_give_nats_per_event(path):
    evaluation = Evaluation.load(path)
    assert (evaluation.events, evaluation.nats_per_event) == (None, None)
    assert "nats_per_event" not in json.loads(path.read_text())
    events = EventStats(12, 48, 10, 20.0)
    replace(evaluation, events=events).save(path)
    assert Evaluation.load(path).events == events
    assert json.loads(path.read_text())["nats_per_event"] is None
    rows = [[1, "x", "a", 4, 8.0, 2.0, 4.0, 20.0], [2, "y", "b", 6, 2.0, 3.0, 1.0, 30.0]]
    replace(evaluation, events=events, scores=PieceScores.from_rows(rows)).save(path)
    # 2 bits and 5 of velocity, of which 2 are within the bins; 4 events a note
    assert json.loads(path.read_text())["nats_per_event"] == round((2 + 5 - 2) * log(2) / 4, 6)


@pytest.mark.parametrize("kept", [0, 1, 200, -3])
def test_a_torn_file_is_a_data_error(path, kept):
    path.write_text(path.read_text()[:kept])
    with pytest.raises(DataError, match="no evaluation here"):
        Evaluation.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"cell": 3}},
        {"history": []},
        {"history": [["replicate", "epoch"], [1, 2, 3]]},
        {"rows": [["a"]]},
        {"rows": 3},
    ],
)
def test_a_file_of_another_kind_is_a_data_error(path, change):
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match="no evaluation here"):
        Evaluation.load(path)


def test_a_missing_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.json: no evaluation here .*dvc repro"):
        Evaluation.load(tmp_path / "nowhere.json")


def test_an_evaluation_from_before_replicates_is_one_of_one_replicate(path):
    values = json.loads(path.read_text())
    (columns, *epochs) = values["history"]
    values["history"] = [columns[1:], *(row[1:] for row in epochs)]
    values["rows"] = [row[2:] for row in values["rows"]]
    evaluation = Evaluation.from_json(values)
    assert [len(history) for history in evaluation.histories] == [len(epochs)]
    assert set(evaluation.scores.replicates.tolist()) == {1}
    assert evaluation.scores.compute_bits_per_note() == (
        Evaluation.load(path).scores.compute_bits_per_note()
    )
