import io
from dataclasses import replace

import pytest
from factories import ROOT, make_busy
from rich.console import Console

from pipeline.core.errors import DataError
from pipeline.report import summary, tables
from pipeline.report.tables import RunResults

BITS = {"baseline": 13.5, "bidirectional": 12.25, "wide": 14.125}
FLOORS = {"uniform": 26.9, "unigram": 16.0, "trigram": 14.0}


def make_bits(bits: float) -> dict[str, object]:
    heads = {"bits_per_note": bits, "pitch": bits / 2, "step": bits / 4, "duration": bits / 4}
    return {**heads, "difference": bits - 13.5, "low": bits - 13.6, "high": bits - 13.4}


@pytest.fixture
def facts(project):
    measured = {
        name: {
            **make_bits(bits),
            "parameters": 84_354,
            "bytes": 338_000,
            "can_stream": name != "bidirectional",
            "group": "b" if name == "wide" else "a",
            "not_better_than": "",
        }
        for name, bits in BITS.items()
    }
    best = {
        "architecture": "bidirectional",
        "recommended": "baseline",
        "tied_with": "baseline wide",
        "not_better_than": "",
    }
    floors = {name: make_bits(bits) for name, bits in FLOORS.items()}
    ratios = {
        name: {"median": 1.25 + number, "min": 1.0 + number, "max": 1.5 + number}
        for number, name in enumerate(BITS)
    }
    claims = {
        name: {
            "name": f"Option {name[0]}",
            "parameters": 199_000,
            "training": "+40%",
            "generation": "Same",
        }
        | {"quality": f"{number} of 5 stars", "can_stream": number == 0}
        for number, name in enumerate(("baseline", "bidirectional"))
    }
    return RunResults(
        params=project.model_copy(update={"architectures": list(BITS)}),
        summary={
            "best": best | make_bits(12.25),
            "reference": "baseline",
            **measured,
            "ngrams": floors,
        },
        benchmark={"train": ratios, "generate": ratios},
        claims=claims,
        num_pieces=12,
        num_notes=34_567,
        pairs={
            "replicates": 3,
            "compositions": 9,
            "scheme": "seeds",
            "decimals": 2,
            "ranked": ["bidirectional", "baseline", "wide"],
            "pairs": [],
        },
    )


def split_cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_measured_stands_beside_claimed_the_fewest_bits_first(facts):
    header, *rows = tables.build_comparison_table(facts)
    assert [row[0] for row in rows] == ["bidirectional (Option b)", "baseline (Option b)", "wide"]
    assert dict(zip(header, rows[0], strict=True)) == {
        "architecture": "bidirectional (Option b)",
        "group": "a",
        "bits per note": "12.25",
        "against reference, 95 % interval": "-1.25 [-1.35, -1.15]",
        "learning rate": f"{facts.params.model['bidirectional'].learning_rate:g}",
        "parameters (claimed)": "84,354 (199K)",
        "KB": "338",
        "training time (claimed)": "2.25× (+40%)",
        "time per played note (claimed)": "2.25× (Same)",
        "can stream (claimed)": "no (no)",
        "claimed quality": "1 of 5 stars",
    }
    assert rows[1][3] == "reference"
    assert rows[2][5:] == ["84,354 (–)", "338", "3.25× (–)", "3.25× (–)", "yes (–)", "–"]


def test_ngrams_stand_among_the_architectures(facts):
    rows = tables.build_head_table(facts)
    names = [
        "bidirectional",
        "baseline",
        "trigram (n-gram)",
        "wide",
        "unigram (n-gram)",
        "uniform (n-gram)",
    ]
    assert [row[0] for row in rows[1:]] == names
    assert rows[3] == ["trigram (n-gram)", "14.00", "7.00", "3.50", "3.50"]


def test_the_page_holds_everything(facts):
    page = summary.render_decision_page(facts)
    wanted = [
        *BITS,
        *FLOORS,
        *("Option b", "1 of 5 stars", "+40%", "199K"),
        "34,567 held-out notes of 12 pieces",
        "each architecture trained 3 times",
        "over compositions and replicates together",
    ]
    assert [word for word in wanted if word not in page] == []
    assert (
        tables.format_markdown_table(tables.build_comparison_table(facts, with_ngrams=True)) in page
    )
    assert tables.format_markdown_table(tables.build_head_table(facts)) in page
    one = replace(facts, pairs={**facts.pairs, "replicates": 1})
    assert "each architecture trained once" in summary.render_decision_page(one)


def test_tables_of_the_page_are_well_formed(facts):
    blocks = [
        block
        for block in summary.render_decision_page(facts).split("\n\n")
        if block.startswith("|")
    ]
    assert len(blocks) == 2
    for block in blocks:
        header, rule, *rows = block.splitlines()
        assert set(split_cells(rule)) == {"---"}
        assert {len(split_cells(line)) for line in (header, rule, *rows)} == {
            len(split_cells(header))
        }
        assert all(line.startswith("| ") and line.endswith(" |") for line in (header, *rows))
        assert all(cell for line in rows for cell in split_cells(line))


def test_ngrams_stand_inside_the_decision_table(facts):
    rows = tables.build_summary_table(facts)
    assert [row[0] for row in rows[1:]] == [
        *("bidirectional", "baseline", "trigram", "wide", "unigram", "uniform"),
    ]
    versus = "+0.50 [+0.40, +0.60]"
    assert rows[3] == ["trigram", "n-gram", "14.00", versus, "–", "–", "–", "–"]
    compared = tables.build_comparison_table(facts, with_ngrams=True)
    assert compared[3][:2] == ["trigram (n-gram)", "n-gram"] and set(compared[3][4:]) == {"–"}


@pytest.mark.parametrize("extra", ["", "a-name-that-is-far-longer-than-its-column"])
def test_the_terminal_table_fits_80_columns(facts, extra, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rows = tables.build_summary_table(facts)
    rows[1] = [
        "bidirectional",
        "abc",
        "12.250",
        "-1.250 [-1.350, -1.150]",
        "1,084K",
        "12.2×",
        "1.5×",
        "no",
    ]
    rows += [[extra, *rows[1][1:]]] if extra else []
    screen = Console(file=io.StringIO())
    rows += [["context_mixing", "n-gram", *rows[1][2:]]]
    screen.print(tables.make_rich_table(rows, "Which architecture?"))
    lines = screen.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for row in rows[1:]:
        (line,) = [line for line in lines if line.startswith(row[0][:10]) and row[2] in line]
        cells_of_row = " ".join(row[1:]).split()
        assert line.split()[-len(cells_of_row) :] == cells_of_row
    assert extra or len(lines) == len(rows) + 1


def test_tables_have_no_more_decimals_than_the_noise_leaves(facts):
    one = replace(facts, pairs={**facts.pairs, "decimals": 1})
    for table in (
        tables.build_summary_table,
        tables.build_comparison_table,
        tables.build_head_table,
    ):
        assert "12.2" in table(one)[1] or "12.3" in table(one)[1]
    assert tables.build_summary_table(one)[1][3] == "-1.2 [-1.3, -1.2]"


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((-0.004, -0.0049, -0.001), "+0.00 [+0.00, +0.00]"),
        ((0.5, None, None), "+0.50 [no interval]"),
    ],
)
def test_a_difference_of_nothing_has_no_minus_and_an_unknown_interval_is_a_word(ends, text):
    record = dict(zip(("difference", "low", "high"), ends, strict=True))
    assert tables.format_difference(record, 2) == text


def test_a_figure_of_a_busy_machine_has_its_reason_in_the_cell(facts):
    busy = replace(facts, benchmark=make_busy(facts.benchmark))
    assert tables.build_summary_table(busy)[1][5:7] == ["not measured: busy"] * 2
    compared = tables.build_comparison_table(busy)
    assert compared[1][7:9] == ["not measured: busy (+40%)", "not measured: busy (Same)"]
    assert "not measured: busy (+40%)" in summary.render_decision_page(busy)


def test_a_cell_without_a_value_is_a_dash():
    columns = {"model": "{name}", "train": "{train[median]:.2f}×"}
    records = [
        {"name": "{oops}", "train": {"median": 1.0}},
        {"name": "b", "train": None},
        {"name": "c", "train": {"median": None}},
        {"name": "d"},
    ]
    rows = tables.tabulate(columns, records)
    assert rows[1:] == [["{oops}", "1.00×"], ["b", "–"], ["c", "–"], ["d", "–"]]


def test_claims_of_the_project_are_read():
    claims = tables.load_architecture_claims(ROOT / "data" / "claims.yaml")
    assert claims["bidirectional"]["parameters"] == 398_000
    assert not claims["bidirectional"]["can_stream"]


@pytest.mark.parametrize("text", [None, "", "other: 1", "architectures:", "architectures: ["])
def test_claims_that_cannot_be_read_are_a_data_error(tmp_path, text):
    path = tmp_path / "claims.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match="no claims here"):
        tables.load_architecture_claims(path)
