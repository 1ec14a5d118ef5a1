import numpy as np
import pyarrow.parquet as pq
import pytest
from factories import make_unreadable
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.core.errors import DataError
from pipeline.corpus import tables
from pipeline.notes.note import NOTE_DTYPE

pytestmark = pytest.mark.usefixtures("skip_fsync")

TIMES = st.floats(0, 86_400, allow_subnormal=False)
NOTES = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        hnp.arrays("<f8", count, elements=TIMES),
        hnp.arrays("<f8", count, elements=TIMES),
        hnp.arrays("u1", count, elements=st.integers(0, 127)),
        hnp.arrays("u1", count, elements=st.integers(1, 127)),
        hnp.arrays("u1", count, elements=st.integers(0, 2)),
    )
)


def make_notes(columns):
    notes = np.empty(len(columns[0]), NOTE_DTYPE)
    for name, column in zip(NOTE_DTYPE.names, columns, strict=True):
        notes[name] = column
    return notes


def make_pieces(count, pieces=5):
    random = np.random.default_rng(7)
    every = []
    for _ in range(pieces):
        notes = np.empty(count, NOTE_DTYPE)
        notes["onset"] = np.sort(random.random(count) * 100)
        notes["duration"] = random.random(count) + 0.01
        notes["pitch"] = random.integers(21, 109, count)
        notes["velocity"] = random.integers(1, 128, count)
        notes["pedal"] = random.integers(0, 3, count)
        every.append(notes)
    return every


def write_pieces(folder, every):
    with tables.NotesWriter(folder) as writer:
        for piece, notes in enumerate(every):
            writer.write_piece(piece, notes)


@given(columns=st.lists(NOTES, min_size=1, max_size=6), data=st.data())
@settings(deadline=None, max_examples=40)
def test_notes_come_back_bit_for_bit_in_the_order_asked_for(tmp_path_factory, columns, data):
    path = tmp_path_factory.getbasetemp() / "notes"
    every = [make_notes(each) for each in columns]
    write_pieces(path, every)
    wanted = data.draw(st.lists(st.integers(0, len(every) - 1)))
    back = list(tables.read_notes(path, wanted))
    assert [notes.tobytes() for notes in back] == [every[piece].tobytes() for piece in wanted]


def test_a_piece_is_in_one_row_group_and_the_groups_say_which(tmp_path):
    write_pieces(tmp_path / "notes", make_pieces(30_000))
    file = pq.ParquetFile(tables.get_part_path(tmp_path / "notes", 0))
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    assert [
        (g.column(0).statistics.min, g.column(0).statistics.max, g.num_rows) for g in groups
    ] == [
        (0, 2, 90_000),
        (3, 4, 60_000),
    ]
    assert {g.column(0).compression for g in groups} == {"ZSTD"}
    columns = [groups[0].column(k) for k in range(len(tables.NOTES_SCHEMA))]
    without = [column.path_in_schema for column in columns if not column.has_dictionary_page]
    assert without == ["onset"]


@pytest.mark.slow
def test_a_piece_longer_than_a_group_is_not_cut(tmp_path):
    every = make_pieces(2_000_000, pieces=1)
    write_pieces(tmp_path / "notes", every)
    assert pq.ParquetFile(tables.get_part_path(tmp_path / "notes", 0)).metadata.num_row_groups == 1
    assert next(tables.read_notes(tmp_path / "notes", [0])).tobytes() == every[0].tobytes()


def test_only_the_groups_that_hold_the_pieces_are_read_and_once(tmp_path, monkeypatch):
    write_pieces(tmp_path / "notes", make_pieces(40_000, pieces=8))
    read = []
    real = tables._read_row_group
    monkeypatch.setattr(
        tables,
        "_read_row_group",
        lambda path, file, group: (read.append(group), real(path, file, group))[1],
    )
    list(tables.read_notes(tmp_path / "notes", [0, 1, 6]))
    assert read == [0, 3]


def test_columns_carry_their_units(tmp_path):
    write_pieces(tmp_path / "notes", make_pieces(3))
    schema = pq.read_schema(tables.get_part_path(tmp_path / "notes", 0))
    units = {field.name: field.metadata.get(b"unit") for field in schema}
    assert units == {
        "piece": None,
        "onset": b"s",
        "duration": b"s",
        "pitch": None,
        "velocity": None,
        "pedal": None,
    }


def test_the_same_notes_give_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PIECES_PER_PART", 2)
    for name in ("a", "b"):
        write_pieces(tmp_path / name, make_pieces(1000))
    contents = [
        [path.read_bytes() for path in sorted((tmp_path / name).iterdir())] for name in ("a", "b")
    ]
    assert contents[0] == contents[1] and len(contents[0]) == 3


def test_every_flipped_bit_of_the_pages_is_seen(tmp_path):
    path = tables.get_part_path(tmp_path, 0)
    every = make_pieces(200, pieces=3)
    write_pieces(tmp_path, every)
    whole = path.read_bytes()
    expected = [notes.tobytes() for notes in every]
    for at in range(4, len(whole) - 8, len(whole) // 150):
        torn = bytearray(whole)
        torn[at] ^= 1 << at % 8
        path.write_bytes(torn)
        try:
            back = [notes.tobytes() for notes in tables.read_notes(tmp_path, range(3))]
        except DataError as error:
            assert "\n" not in str(error)
        else:  # a bit of the footer that does not describe the notes, such as the name of the writer
            assert back == expected


READERS = [
    tables.read_pieces,
    tables.read_piece_columns,
    lambda path: list(tables.read_notes(path.parent, [0])),
]


@pytest.mark.parametrize("read", READERS)
def test_a_missing_cut_or_other_file_is_one_line(tmp_path, read):
    path = tables.get_part_path(tmp_path / "cut", 0)
    with pytest.raises(DataError, match="run 'dvc repro ingest'"):
        read(path)
    write_pieces(tmp_path / "cut", make_pieces(100))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="run 'dvc repro ingest'"):
        read(path)


@pytest.mark.parametrize("read", READERS)
def test_a_table_that_may_not_be_read_is_not_to_be_made_again(tmp_path, read):
    path = tables.get_part_path(tmp_path, 0)
    path.touch()
    with (
        make_unreadable(path),
        pytest.raises(DataError, match="may not be read; give yourself"),
    ):
        read(path)


def test_another_table_is_refused(tmp_path):
    write_pieces(tmp_path / "notes", make_pieces(3))
    (tmp_path / "other").mkdir()
    pieces = tables.get_part_path(tmp_path / "other", 0)
    tables.write_pieces(pieces, [])
    with pytest.raises(DataError, match="columns"):
        tables.read_pieces(tables.get_part_path(tmp_path / "notes", 0))
    with pytest.raises(DataError, match="columns"):
        list(tables.read_notes(pieces.parent, [0]))


def test_a_piece_that_is_not_there_is_named(tmp_path):
    write_pieces(tmp_path / "notes", make_pieces(3, pieces=2))
    with pytest.raises(DataError, match="no piece 2"):
        list(tables.read_notes(tmp_path / "notes", [2]))


def test_an_error_while_writing_leaves_the_old_table(tmp_path):
    folder = tmp_path / "notes"
    write_pieces(folder, make_pieces(3))
    before = [path.read_bytes() for path in folder.iterdir()]
    with pytest.raises(RuntimeError), tables.NotesWriter(folder) as writer:
        writer.write_piece(0, make_pieces(3)[0])
        raise RuntimeError
    assert [path.read_bytes() for path in folder.iterdir()] == before
    assert list(tmp_path.iterdir()) == [folder]


def test_a_part_has_so_many_pieces_and_a_shorter_table_leaves_none_of_the_old(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tables, "PIECES_PER_PART", 2)
    every = make_pieces(4, pieces=5)
    write_pieces(tmp_path / "notes", every)
    parts = sorted((tmp_path / "notes").iterdir())
    assert [path.name for path in parts] == [f"part-0000{number}.parquet" for number in range(3)]
    assert [pq.read_table(path)["piece"].unique().to_pylist() for path in parts] == [
        [0, 1],
        [2, 3],
        [4],
    ]
    assert [notes.tobytes() for notes in tables.read_notes(tmp_path / "notes", [4, 0, 3])] == [
        every[piece].tobytes() for piece in (4, 0, 3)
    ]
    write_pieces(tmp_path / "notes", every[:1])
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["part-00000.parquet"]


def test_only_the_parts_that_hold_the_pieces_are_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PIECES_PER_PART", 2)
    write_pieces(tmp_path / "notes", make_pieces(4, pieces=6))
    for piece in (0, 4):
        tables.get_part_path(tmp_path / "notes", piece).unlink()
    assert len(list(tables.read_notes(tmp_path / "notes", [2, 3]))) == 2


def test_pieces_come_back(tmp_path):
    rows = [
        tables.PieceRow(0, "a/ü.mid", "Komponist / Stück, No. 1", "test", 3, 1.5, "0" * 64),
        tables.PieceRow(1, "b.mid", "unknown", "train", 2**40, 0.1, "f" * 64),
    ]
    tables.write_pieces(tmp_path / "pieces.parquet", rows)
    assert tables.read_pieces(tmp_path / "pieces.parquet") == rows
    columns = tables.read_piece_columns(tmp_path / "pieces.parquet")
    assert columns.members.tolist() == ["a/ü.mid", "b.mid"]
    assert columns.compositions.tolist() == ["Komponist / Stück, No. 1", "unknown"]
    assert columns.splits.tolist() == ["test", "train"]
    assert columns.num_notes.tolist() == [3, 2**40]
    tables.write_pieces(tmp_path / "pieces.parquet", [])
    assert len(tables.read_piece_columns(tmp_path / "pieces.parquet")) == 0


def test_a_long_table_of_pieces_is_written_in_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PIECES_PER_ROW_GROUP", 2)
    rows = [tables.PieceRow(k, f"{k}.mid", "a", "train", 3, 1.5, "0" * 64) for k in range(5)]
    path = tmp_path / "pieces.parquet"
    tables.write_pieces(path, iter(rows))
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)] == [2, 2, 1]
    assert tables.read_pieces(path) == rows
    assert tables.read_piece_columns(path).members.tolist() == [row.member for row in rows]
