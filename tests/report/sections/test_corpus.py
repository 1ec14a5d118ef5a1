from dataclasses import replace

from factories import make_ingest_summary

from pipeline.corpus.ingest_summary import WorkFile
from pipeline.report.sections import corpus


def replace_ingest(report_data, ingest):
    return replace(report_data, results=replace(report_data.results, ingest=ingest))


def test_what_was_taken_and_what_was_not_is_one_table(report_data):
    (table,) = corpus.build_corpus_section(report_data).tables  # and none of leaks
    rows = dict(table.rows[1:])
    assert rows["taken"].startswith("1,000 notes in 6 pieces")
    assert rows["train"] == "800 notes in 2 pieces (80.0 %)"
    assert rows["notes left out"] == "4,800 in 8 files: drums (channel 10)"
    assert rows["files left out"] == "2: .zip file: unzip it first (a.zip)"
    assert rows["merged"].startswith("up to 2 instruments became one part in 7 files")
    assert rows["leaks"] == "none"
    assert table.is_text and table.caption


def test_what_is_amiss_has_its_remedy(report_data):
    (table,) = corpus.build_corpus_section(
        replace_ingest(report_data, make_ingest_summary(train=995, validation=5, test=0))
    ).tables
    rows = dict(table.rows[1:])
    assert rows["test"] == ("no piece → add music, or give a piece this split in the manifest")
    length = report_data.results.params.windows.sequence_length
    assert rows["short pieces"].startswith(
        f"1 with fewer notes than a training window and its target ({length + 1}): jingle.mid (5, validation)"
    )


def test_every_leak_is_named(report_data):
    works = [
        [WorkFile(member=f"{k} {split}.mid", split=split, composition="") for split in splits]
        for k, splits in enumerate([("train", "test")] * 5 + [("train", "train")])
    ]
    ingest = make_ingest_summary().model_copy(update={"near_duplicates": works})
    summary, leaks = corpus.build_corpus_section(replace_ingest(report_data, ingest)).tables
    assert leaks.collapsed
    assert leaks.rows[5] == ["5", "4 train.mid (train) is the same work as 4 test.mid (test)"]
    assert len(leaks.rows) == 6
    assert "; and 2 more → give all files" in dict(summary.rows[1:])["leaks"]


def test_a_name_cannot_end_its_line(report_data):
    ingest = make_ingest_summary()
    (left_out,) = ingest.files_left_out
    hostile = left_out.model_copy(update={"example": "a\n- leaks: none\x1b[2J.zip"})
    (table,) = corpus.build_corpus_section(
        replace_ingest(report_data, ingest.model_copy(update={"files_left_out": [hostile]}))
    ).tables
    assert all(cell.isprintable() for row in table.rows for cell in row)


def test_without_a_summary_there_is_no_section(report_data):
    assert corpus.build_corpus_section(replace_ingest(report_data, None)).is_empty
