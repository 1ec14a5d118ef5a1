import json

import pytest
from factories import ROOT, make_music

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.midi import writer
from pipeline.report import data as gathering


def write_results(facts) -> None:
    paths.LEARNING_CURVES.parent.mkdir(parents=True)
    paths.LEARNING_CURVES.write_text("architecture,notes,bits_per_note\nbaseline,8192,17.5\n")
    paths.CLAIMS.parent.mkdir(parents=True)
    paths.CLAIMS.write_bytes((ROOT / paths.CLAIMS).read_bytes())
    paths.PARAMS.write_bytes((ROOT / paths.PARAMS).read_bytes())
    paths.get_samples_dir("baseline").mkdir(parents=True)
    for number in range(1, 9):
        notes = make_music(number, facts.params.generate.num_notes + 12)
        writer.write_notes(notes, paths.get_samples_dir("baseline") / f"{number:02}.mid")


@pytest.fixture
def facts(report_data, in_folder):
    write_results(report_data.results)
    return report_data.results


def test_what_is_there_is_read_and_the_rest_left_out(facts):
    paths.get_calibration_path("stacked").parent.mkdir(parents=True)
    paths.get_calibration_path("stacked").write_text(json.dumps({"notes": 5}))
    report_data = gathering.load_report_data(facts)
    assert report_data.learning_curves == [
        {"architecture": "baseline", "notes": "8192", "bits_per_note": "17.5"}
    ]
    assert report_data.calibration == {"stacked": {"notes": 5}}
    assert (report_data.piece_scores, report_data.sample_metrics) == ({}, {})
    assert report_data.claim_rows[0][0] == "topic" and len(report_data.claim_rows) > 20


def test_samples_are_the_first_few_and_know_their_prompt(facts):
    samples = gathering.load_report_data(facts).samples
    assert [each.number for each in samples] == list(range(1, gathering.MAX_SAMPLES + 1))
    assert {each.prompt_length for each in samples} == {12}


def test_a_torn_file_is_a_data_error(facts):
    paths.PIECE_SCORES.write_text('{"rows": [')
    with pytest.raises(DataError, match=r"pieces\.json: cannot be read .* 'dvc repro'"):
        gathering.load_report_data(facts)


def test_missing_curves_are_a_data_error(facts):
    paths.LEARNING_CURVES.unlink()
    with pytest.raises(DataError, match=r"learning_curves\.csv: cannot be read"):
        gathering.load_report_data(facts)


def test_colors_go_by_place_and_rows_by_bits(report_data):
    assert [report_data.get_color_index(name) for name in ("baseline", "expressive")] == [0, 3]
    assert report_data.by_bits == ["expressive", "stacked", "baseline", "bidirectional"]
    assert list(report_data.rank({"baseline": 1, "expressive": 2})) == ["expressive", "baseline"]
