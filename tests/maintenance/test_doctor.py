"""The checks of `music-rnn doctor` and their remedies."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy_project as toy
from factories import ROOT, make_music
from typer.testing import CliRunner

from pipeline import cli
from pipeline.config import Params
from pipeline.core import paths, threads
from pipeline.corpus import add_folder, ingest_summary, tables
from pipeline.corpus.manifest import LeftOut
from pipeline.corpus.tables import PieceRow
from pipeline.live import midi_ports
from pipeline.maintenance import doctor
from pipeline.maintenance.doctor import Finding
from pipeline.midi import writer


def make_row(number: int, split: str, notes: int, composition: str) -> PieceRow:
    return PieceRow(number, f"{number}.mid", composition, split, notes, 1.0, "0" * 64)


def collect_findings() -> dict[str, Finding]:
    return {fact.topic: fact for fact in doctor.run_checks()}


@pytest.fixture(autouse=True)
def _no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_ports, "list_port_names", lambda kind: [f"{kind} 1"])


@pytest.fixture
def home(in_folder: Path) -> Path:
    shutil.copy(ROOT / "params.yaml", in_folder)
    shutil.copy(ROOT / "versions.yaml", in_folder)
    shutil.copytree(ROOT / paths.CORPORA, paths.CORPORA)
    paths.PIECES.parent.mkdir(parents=True)
    paths.REJECTED.write_text("member,reason\na.mid,duplicate of b.mid\nc.mid,the file is empty\n")
    return in_folder


def test_an_empty_folder_says_what_to_do(in_folder: Path) -> None:
    assert "params" not in collect_findings()
    shutil.copy(ROOT / "params.yaml", in_folder)
    assert collect_findings()["corpus"].hint == "run 'dvc repro ingest'"


def test_a_sound_corpus_has_no_remedy(home: Path, project: Params) -> None:
    budget = project.train.epochs * project.train.notes_per_epoch
    held = [make_row(n, project.compare.split, 100, f"h{n}") for n in range(20)]
    tables.write_pieces(paths.PIECES, [*held, make_row(20, "train", budget, "t")])
    findings = collect_findings()
    assert not any(
        findings[about].hint
        for about in ("corpus", "left out", "leaks", "training", "held out", "dvc.lock")
    )
    assert "1 copies, 1 unreadable files" in findings["left out"].message
    assert f"train 1 pieces, {budget:,} notes" in findings["corpus"].message
    assert (
        findings["held out"].message
        == f"20 compositions decide; {project.replicates.count} replicate(s), each of another seed"
    )


def test_each_composition_of_a_cross_validation_decides_and_is_trained_on_by_others(
    home: Path, project: Params
) -> None:
    toy.edit(home, "replicates.count", 5)
    pieces = [
        make_row(n, "train" if n else "validation", 1000, f"composition {n // 2}")
        for n in range(20)
    ]
    tables.write_pieces(paths.PIECES, pieces)
    findings = collect_findings()
    assert (
        findings["held out"].message
        == "10 compositions decide; each is held out by one of 5 replicates"
    )
    assert not findings["held out"].hint
    # Two folds of two compositions each are held out: 8 of 20 pieces.
    assert "reads each of 12,000 " in findings["training"].message


def test_a_corpus_too_small_for_the_replicates_is_a_failed_check(home: Path) -> None:
    toy.edit(home, "replicates.scheme", "cross_validation")
    toy.edit(home, "replicates.count", 5)
    tables.write_pieces(paths.PIECES, [make_row(n, "train", 10, f"{n}") for n in range(4)])
    finding = collect_findings()["corpus"]
    assert "replicates.count is 5, and cross-validation of 4 compositions" in finding.message


def test_leaks_and_too_little_music_are_said(home: Path) -> None:
    tables.write_pieces(
        paths.PIECES, [make_row(0, "validation", 10, "Sonata"), make_row(1, "train", 10, "Sonata")]
    )
    findings = collect_findings()
    assert "'Sonata' is in train and validation" in findings["leaks"].hint
    assert "too small to train on" in findings["training"].hint
    assert "one composition decides" in findings["held out"].hint


def test_a_leak_of_the_official_split_is_no_fault(home: Path) -> None:
    params = (home / "params.yaml").read_text("utf-8")
    (home / "params.yaml").write_text(
        re.sub(r"(?m)^corpus: .*", "corpus: maestro-v3", params), "utf-8"
    )
    known = "Joseph Haydn / Sonata in B-flat Major, Hob.XVI:41"
    tables.write_pieces(
        paths.PIECES, [make_row(0, "validation", 10, known), make_row(1, "train", 10, known)]
    )
    assert collect_findings()["leaks"] == Finding(
        "leaks", "1 composition(s) in several splits, by leave of the manifest"
    )


def test_torn_tables_and_records_are_facts(home: Path) -> None:
    paths.PIECES.write_text("torn")
    Path("dvc.lock").write_text("")
    findings = collect_findings()
    assert "no table here" in findings["corpus"].message and findings["corpus"].hint
    assert findings["dvc.lock"].hint == "run 'music-rnn repair'"


def test_ports_are_named_and_without_them_the_remedy_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert list(doctor._check_ports()) == [Finding("MIDI ports", "MidiOut 1, MidiIn 1")]

    def missing(kind: str) -> list[str]:
        raise midi_ports.PortError("install rtmidi2")

    monkeypatch.setattr(midi_ports, "list_port_names", missing)
    assert list(doctor._check_ports()) == [Finding("MIDI ports", "none", "install rtmidi2")]


def test_what_is_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "tensorflow"))

    def version(name: str) -> str:
        if name == "tensorflow":
            raise doctor.PackageNotFoundError
        return "1.0"

    monkeypatch.setattr(doctor, "version", version)
    assert list(doctor._check_packages(in_project=True)) == [
        Finding("installed", "numpy 1.0"),
        Finding("missing", "tensorflow", "pip install 'music-rnn[train]'"),
    ]
    assert list(doctor._check_packages(in_project=False)) == [
        Finding("installed", "numpy 1.0"),
        Finding("missing", "tensorflow (only the pipeline needs them)"),
    ]


def test_outside_a_project_nothing_is_advised_that_only_a_project_needs(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package", "tensorflow"))
    monkeypatch.setattr(doctor, "version", lambda name: "1.0")
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**20))
    findings = collect_findings()
    assert not [finding for finding in findings.values() if finding.hint]
    assert "no params.yaml in this folder" in findings["project"].message
    assert CliRunner().invoke(cli.app, ["doctor"]).exit_code == 0


def test_little_memory_is_a_warning_in_a_project_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**20))
    monkeypatch.setattr(doctor.parallel, "count_cores", lambda: 2)
    finding = collect_findings()["training memory"]
    assert finding.message == "2 replicates train at once, which takes 3 GB" and finding.hint
    monkeypatch.setattr(
        doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=4 * 2**30)
    )
    assert "training memory" not in collect_findings()


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n", "corpus: x\n", "\xff"])
def test_a_broken_params_file_is_a_failed_check(text: str, home: Path) -> None:
    (home / "params.yaml").write_bytes(text.encode("latin-1"))
    findings = collect_findings()
    assert findings["params"].is_failure and findings["params"].hint
    done = CliRunner().invoke(cli.app, ["doctor"])
    assert done.exit_code == 1
    assert "x  params" in done.output


def test_settings_of_threads_that_give_way_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert collect_findings()["threads"].message == "1 for playing and scoring"
    monkeypatch.setattr(threads, "OVERRIDDEN", {"OPENBLAS_NUM_THREADS": "8"})
    assert collect_findings()["threads"].message.endswith(
        "; overridden: OPENBLAS_NUM_THREADS=8 of your environment"
    )


def test_libraries_other_than_those_of_the_figures_are_named(home: Path) -> None:
    (home / "versions.yaml").write_text("numpy: 0.1 0.2\nno-such-package: 1\n")
    finding = collect_findings()["versions"]
    assert re.fullmatch(
        r"differ from versions.yaml: numpy [0-9.]+, not 0\.1 or 0\.2", finding.message
    )
    assert "pip install -r requirements.lock" in finding.hint
    (home / "versions.yaml").write_text(f"numpy: 0.1 {doctor.version('numpy')}\n")
    assert collect_findings()["versions"] == Finding("versions", "as in versions.yaml")


@pytest.mark.parametrize("text", ["- 1\n", "a: [", ""])
def test_a_broken_file_of_versions_is_a_failed_check(text: str, home: Path) -> None:
    (home / "versions.yaml").write_text(text)
    assert collect_findings()["versions"].is_failure


def test_facts_are_shown_as_they_are_but_for_what_a_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    doctor.print_findings([Finding("ports", "[red]one, two[/nope]", "[bold]three \x1b[2J")])
    shown = " ".join(capsys.readouterr().out.split())
    assert shown == "! ports [red]one, two[/nope] -> [bold]three [2J"


def test_what_changes_bytes_is_said_and_it_is_one_screen(home: Path) -> None:
    assert "1 thread(s) in training" in collect_findings()["equal bytes"].message
    done = CliRunner().invoke(cli.app, ["doctor"])
    assert done.exit_code == 0 and 10 < done.output.count("\n") < 50


def test_what_ingest_left_out_is_shown_with_its_number(home: Path) -> None:
    counts = {"train": 990, "validation": 10, "test": 0}
    summary = ingest_summary.IngestSummary(
        corpus="own",
        splits={
            name: ingest_summary.SplitCount(pieces=1, notes=notes, seconds=1.0)
            for name, notes in counts.items()
        },
        files_left_out=[LeftOut(reason=".zip file: unzip it first", files=2)],
        notes_left_out=[LeftOut(reason="drums (channel 10)", files=8, notes=4800)],
        instruments=[],
        merged_files=7,
        max_instruments=2,
        shortest_pieces=[ingest_summary.ShortPiece(member="a.mid", split="train", notes=5)],
        damage=[],
        near_duplicates=[
            [
                ingest_summary.WorkFile(member=f"{split}.mid", split=split, composition=split)
                for split in ("train", "test")
            ]
        ],
    )
    tables.write_pieces(paths.PIECES, [make_row(0, "train", 990, "t")])
    ingest_summary.save_summary(paths.INGEST_SUMMARY, summary)
    findings = collect_findings()
    assert findings["notes left out"].message == "4,800 in 8 files: drums (channel 10)"
    assert findings["files left out"].message == "2: .zip file: unzip it first"
    assert findings["merged"].message.startswith("up to 2 instruments")
    assert findings["train"].hint and findings["short pieces"].hint
    assert findings["leaks"].message == "train.mid (train) is the same work as test.mid (test)"
    assert findings["leaks"].hint


def test_a_folder_that_changed_has_a_remedy(home: Path, project: Params) -> None:
    (home / "music").mkdir()
    for seed in range(3):
        writer.write_notes(make_music(seed, 300), home / f"music/{seed}.mid")
    add_folder.add_folder("own", home / "music", project.ingest, 25)
    toy.edit(home, "corpus", "own")
    assert "folder" not in collect_findings()
    (home / "music/1.mid").unlink()
    finding = collect_findings()["folder"]
    assert finding.message.endswith("data/corpora/own.yaml: 1 gone (1.mid)")
    assert finding.hint == "run 'music-rnn add-corpus own'"


def test_doctor_starts_without_the_packages_of_the_pipeline() -> None:
    code = "import sys; import pipeline.maintenance.doctor; assert not {'pyarrow', 'dvc'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
