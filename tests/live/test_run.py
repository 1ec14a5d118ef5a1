"""One performance: put together, ended cleanly, written down."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from factories import CARRIED, ROOT, UNCONSTRAINED, make_music, make_tiny_model
from fake_port import ClockWire, FakeKeyboard, Wire, check, ends_in_silence
from play_options import play_options
from typer.testing import CliRunner

from pipeline import cli
from pipeline.cli import play
from pipeline.core.errors import ParamsError
from pipeline.live import learn, midi_ports, port_watch, run
from pipeline.live.beat_tracking import Beat
from pipeline.live.clock_follower import AlignedTime
from pipeline.live.improviser import Improviser
from pipeline.live.midi_clock import START, STOP, TICK
from pipeline.live.midi_ports import PortError
from pipeline.live.person_tempo import PersonTempo
from pipeline.live.preset import Preset, load_preset, save_preset
from pipeline.live.recorder import HUMAN
from pipeline.live.run import resolve_recording_path, run_player
from pipeline.midi import reader, writer

RUN = CliRunner()
MODEL = make_tiny_model(**CARRIED)


def test_an_offline_session_is_a_file_at_once_and_the_same_again(in_folder):
    writer.write_notes(make_music(2, 30), in_folder / "prompt.mid")
    for name in ("one.mid", "two.mid"):
        run_player(
            MODEL,
            UNCONSTRAINED,
            play_options(num_notes=50, recording=in_folder / name, prompt=in_folder / "prompt.mid"),
            print,
        )
    other = play_options(
        num_notes=50, recording=in_folder / "three.mid", prompt=in_folder / "prompt.mid", seed=1
    )
    run_player(MODEL, UNCONSTRAINED, other, print)
    one, two, three = ((in_folder / f"{name}.mid").read_bytes() for name in ("one", "two", "three"))
    assert one == two != three
    assert len(reader.read_notes(one, "symusic")) == 50


def test_the_tempo_stretches_the_file(in_folder):
    ends = []
    for tempo in (1.0, 2.0):
        run_player(
            MODEL, UNCONSTRAINED, play_options(tempo=tempo, recording=in_folder / "a.mid"), print
        )
        ends.append(reader.read_notes((in_folder / "a.mid").read_bytes(), "symusic")["onset"][-1])
    assert ends[0] / ends[1] == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_notes": 0}, "give --notes"),
        ({"num_notes": 10**30}, "give --notes 1 to 1000000"),
        ({"midi_in": "keys"}, "no --midi-in"),
        ({"mode": "call-response", "midi_out": "x"}, "give --midi-in"),
        ({"clock_in": "drums"}, "no --clock-in"),
        ({"clock_out": "drums"}, "no --clock-out"),
        ({"clock_in": "a", "clock_out": "b", "midi_out": "x"}, "--clock-out b cannot be combined"),
        ({"quantize": "bar", "midi_out": "x"}, "--quantize bar needs --mode call-response, and"),
        (
            {"quantize": "bar", "midi_out": "x", "midi_in": "k", "mode": "call-response"},
            "--tempo auto, or --clock-in or --clock-out",
        ),
        ({"quantize": "bar", "midi_out": "x", "clock_in": "drums"}, "--mode call-response"),
        ({"tempo": 7.0}, "tempo 7.0"),
    ],
)
def test_options_that_contradict_each_other_are_refused(change, message, in_folder):
    with pytest.raises(ParamsError, match=re.escape(message)):
        run_player(MODEL, UNCONSTRAINED, play_options(**change), print)
    assert not list(in_folder.iterdir())


def test_a_log_is_a_file_or_a_folder_where_it_is_named_by_the_time(tmp_path):
    assert resolve_recording_path(tmp_path / "a.mid") == tmp_path / "a.mid"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d-\d{6}\.mid", resolve_recording_path(tmp_path / "sessions").name
    )
    assert resolve_recording_path(tmp_path / "sessions").parent == tmp_path / "sessions"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_live_performance_in_silence_and_writes_the_session(
    number, monkeypatch, in_folder
):
    wire, lines = Wire(clock=time.monotonic), []
    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    before = signal.getsignal(number), sys.getswitchinterval()

    def stop():
        while not wire.sent:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=stop).start()
    player = run_player(
        MODEL,
        UNCONSTRAINED,
        play_options(midi_out="virtual", num_notes=0, recording=in_folder / "a.mid"),
        lines.append,
    )
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    assert wire.closed == 1
    assert (
        len(reader.read_notes((in_folder / "a.mid").read_bytes(), "symusic"))
        == len(player.recorder)
        >= 1
    )
    assert "'music-rnn'" in lines[0]
    assert "late by" in lines[-2]
    assert (signal.getsignal(number), sys.getswitchinterval()) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_offline_session_too_and_writes_what_was_played(
    number, in_folder, monkeypatch
):
    played, accept = [], Improviser.commit

    def until_the_tenth(source):
        accept(source)
        played.append(source.last_onset)
        if len(played) == 10:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Improviser, "commit", until_the_tenth)
    before = signal.signal(number, lambda *_: pytest.fail("the signal was not handled"))
    try:
        run_player(
            MODEL, UNCONSTRAINED, play_options(num_notes=1000, recording=in_folder / "a.mid"), print
        )
    finally:
        signal.signal(number, before)
    assert (
        1
        <= len(reader.read_notes((in_folder / "a.mid").read_bytes(), "symusic"))
        <= len(played)
        < 1000
    )


@pytest.mark.slow
def test_a_port_that_fails_is_reported_after_the_session_is_written(monkeypatch, in_folder):
    wire = Wire(fails={3})
    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    with pytest.raises(OSError, match="failed"):
        run_player(
            MODEL,
            UNCONSTRAINED,
            play_options(midi_out="synth", recording=in_folder / "a.mid"),
            print,
        )
    check(wire.sent, strict=False)
    assert (in_folder / "a.mid").exists()


@pytest.mark.slow
def test_an_input_is_opened_and_closed(monkeypatch, in_folder):
    keyboards = []

    def open_input(name, handler):
        assert name == "keys"
        keyboards.append(FakeKeyboard(handler))
        handler((0xB0, 23, 0))
        return keyboards[0]

    monkeypatch.setattr(midi_ports, "open_output", lambda name: Wire())
    monkeypatch.setattr(midi_ports, "open_input", open_input)
    run_player(
        MODEL, UNCONSTRAINED, play_options(midi_out="synth", midi_in="keys", num_notes=2), print
    )
    assert [keyboard.closed for keyboard in keyboards] == [1]


@pytest.mark.slow
def test_a_clock_is_followed_and_its_port_closed(monkeypatch, in_folder):
    ports = []

    def open_clock(name, handler):
        assert name == "drums"
        ports.append(FakeKeyboard(handler))
        handler((0xFC,))
        threading.Timer(0.5, lambda: [handler((0xFA,)), handler((0xF8,))]).start()
        return ports[0]

    wire = Wire(clock=time.monotonic)
    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    monkeypatch.setattr(midi_ports, "open_clock", open_clock)
    start = time.monotonic()
    run_player(
        MODEL, UNCONSTRAINED, play_options(midi_out="synth", clock_in="drums", num_notes=2), print
    )
    assert wire.times[0] >= start + 0.5
    assert [port.closed for port in ports] == [1]


@pytest.mark.slow
def test_a_clock_that_comes_in_blocks_is_followed_so(monkeypatch, in_folder):
    followers = []

    def open_clock(name, handler):
        followers.append(handler.__self__)
        keyboard = FakeKeyboard(handler)
        keyboard.block_seconds = 0.02
        return keyboard

    monkeypatch.setattr(midi_ports, "open_output", lambda name: Wire(clock=time.monotonic))
    monkeypatch.setattr(midi_ports, "open_clock", open_clock)
    run_player(
        MODEL, UNCONSTRAINED, play_options(midi_out="synth", clock_in="drums", num_notes=2), print
    )
    assert followers[0].midi_clock.block_seconds == 0.02


@pytest.mark.slow
def test_a_clock_is_sent_and_stops_although_the_synthesizer_fails(monkeypatch, in_folder):
    clock = ClockWire()
    monkeypatch.setattr(midi_ports, "open_output", lambda name: Wire(fails={3}))
    monkeypatch.setattr(midi_ports, "open_clock_output", lambda name: clock)
    with pytest.raises(OSError, match="failed"):
        run_player(MODEL, UNCONSTRAINED, play_options(midi_out="synth", clock_out="drums"), print)
    assert (clock.sent[0], clock.sent[-1], clock.closed) == (START, STOP, 1)
    assert set(clock.sent[1:-1]) == {TICK}


@pytest.mark.parametrize("is_reported", [True, False])
def test_a_receiver_of_the_clock_that_goes_away_ends_the_session_which_is_written(
    is_reported, monkeypatch, in_folder
):
    """Some sound systems report that it is gone when a message is sent, others only have it no more in their list."""
    wire, clock = Wire(), ClockWire()
    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    monkeypatch.setattr(midi_ports, "open_clock_output", lambda name: clock)
    monkeypatch.setattr(port_watch, "WATCH_SECONDS", 60.0 if is_reported else 0.01)

    def unplug():
        while not wire.sent:
            time.sleep(0.01)
        clock.present = False
        clock.gone_at = 0 if is_reported else None

    threading.Thread(target=unplug).start()
    options = play_options(
        midi_out="synth", clock_out="drums", num_notes=40, recording=in_folder / "a.mid"
    )
    lines = []
    with pytest.raises(PortError, match=r"is gone"):
        run_player(MODEL, UNCONSTRAINED, options, lines.append)
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    assert (wire.closed, clock.closed) == (1, 1)
    assert not [line for line in lines if "MIDI" in line]
    assert (in_folder / "a.mid").exists()


def test_the_options_of_the_clock_reach_the_session(monkeypatch):
    options = []
    monkeypatch.setattr(run, "run_player", lambda *arguments: options.append(arguments[2]))
    given = ["--clock-in", "drums", "--quantize", "bar", "--clock-out", "synth"]
    done = RUN.invoke(cli.app, ["play", *given], catch_exceptions=False)
    assert done.exit_code == 0
    assert (options[0].clock_in, options[0].quantize) == ("drums", "bar")
    assert options[0].clock_out == "synth"


@pytest.mark.parametrize(
    ("text", "tempo", "is_estimated"),
    [("auto", 1.0, True), ("off", 1.0, False), ("1.5", 1.5, False)],
)
def test_the_tempo_is_a_number_or_estimated_or_neither(monkeypatch, text, tempo, is_estimated):
    options = []
    monkeypatch.setattr(run, "run_player", lambda *arguments: options.append(arguments[2]))
    RUN.invoke(cli.app, ["play", "--tempo", text, "--midi-in", "k"], catch_exceptions=False)
    RUN.invoke(cli.app, ["play", "--midi-in", "k"], catch_exceptions=False)
    assert (options[0].tempo, options[0].follows_person) == (tempo, is_estimated)
    assert options[1].follows_person


def test_a_tempo_that_is_no_number_is_refused(in_folder):
    done = RUN.invoke(cli.app, ["play", "--tempo", "fast"])
    assert str(done.exception) == "--tempo fast: give off, auto or a number 0.25 to 4"


def test_the_tempo_of_a_clock_takes_the_place_of_that_of_the_person():
    for name in ("clock_in", "clock_out"):
        options = play_options(midi_in="k", estimate_tempo=True, **{name: "drums"})
        assert not options.follows_person


def test_responses_may_begin_on_the_beat_of_a_clock_that_is_sent(monkeypatch, in_folder):
    monkeypatch.setattr(midi_ports, "open_output", lambda name: Wire())
    monkeypatch.setattr(midi_ports, "open_input", lambda name, handler: FakeKeyboard(handler))
    monkeypatch.setattr(midi_ports, "open_clock_output", lambda name: ClockWire())
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    options = play_options(
        midi_out="synth", midi_in="k", mode="call-response", clock_out="drums", quantize="bar"
    )
    keeper = run_player(MODEL, UNCONSTRAINED, options, print).source.time_keeper
    assert isinstance(keeper, AlignedTime)
    assert keeper.quantize == "bar"


def test_the_tempo_of_the_person_is_shown_in_a_session(monkeypatch, in_folder):
    lines, wire = [], Wire(clock=time.monotonic)

    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    monkeypatch.setattr(midi_ports, "open_input", lambda name, handler: FakeKeyboard(handler))
    monkeypatch.setattr(PersonTempo, "find_beat", lambda self: Beat(0.0, 0.5, 0))
    monkeypatch.setattr(port_watch, "WATCH_SECONDS", 0.01)
    options = play_options(midi_out="synth", midi_in="keys", num_notes=3, estimate_tempo=True)
    player = run_player(MODEL, UNCONSTRAINED, options, lines.append)
    assert lines.count("your tempo: 120 beats a minute") == 1
    assert isinstance(player.source.time_keeper, AlignedTime)


@pytest.fixture
def presets(monkeypatch, tmp_path):
    monkeypatch.setattr(play, "get_preset_folder", lambda: tmp_path / "presets")
    return tmp_path / "presets"


def test_a_preset_reaches_the_session_by_its_name(monkeypatch, presets):
    options = []
    monkeypatch.setattr(run, "run_player", lambda *arguments: options.append(arguments[2]))
    save_preset(Preset(learned={"hold": "cc 1 channel 1"}), presets / "stage.yaml")
    done = RUN.invoke(cli.app, ["play", "--preset", "stage"], catch_exceptions=False)
    assert done.exit_code == 0
    assert options[0].preset.learned == {"hold": "cc 1 channel 1"}


def test_a_preset_is_learned_without_a_session(monkeypatch, presets):
    def open_input(name, handler):
        assert name == "keys"
        handler((0xB0, 67, 127))
        return FakeKeyboard(handler)

    monkeypatch.setattr(midi_ports, "open_input", open_input)
    monkeypatch.setattr(learn, "read_terminal", lambda: b"")
    monkeypatch.setattr(run, "run_player", lambda *_: pytest.fail("it plays"))
    arguments = ["play", "--midi-in", "keys", "--learn", "stage"]
    done = RUN.invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert load_preset(presets / "stage.yaml").learned == {"your_turn": "cc 67 channel 1"}


def test_learning_needs_a_port_and_a_folder(presets, in_folder):
    done = RUN.invoke(cli.app, ["play", "--learn", "stage"])
    assert "--learn stage needs --midi-in" in str(done.exception)
    done = RUN.invoke(cli.app, ["play", "--midi-in", "k", "--learn", "absent/a.yaml"])
    assert "--learn" in str(done.exception) and "absent" in str(done.exception)


def test_a_preset_is_used_in_a_session(monkeypatch, in_folder):
    handlers, lines, wire = [], [], Wire(clock=time.monotonic)

    def open_input(name, handler):
        handlers.append(handler)
        return FakeKeyboard(handler)

    def take_turn():
        while not wire.sent:
            time.sleep(0.01)
        handlers[0]((0x90, 21, 70))
        handlers[0]((0x90, 22, 70))
        handlers[0]((0x91, 23, 70))
        handlers[0]((0x93, 22, 39))

    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    monkeypatch.setattr(midi_ports, "open_input", open_input)
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    threading.Thread(target=take_turn).start()
    settings = {"channel_in": 1, "channel_out": 4, "program": 8, "thru": True, "output_latency": 9}
    preset = Preset(learned={"my_turn": "note 21 channel 1"}, velocity_curve=2, **settings)
    options = play_options(midi_out="synth", midi_in="keys", num_notes=0, preset=preset)
    player = run_player(MODEL, UNCONSTRAINED, options, lines.append)
    check(wire.sent)
    assert ends_in_silence(wire.sent, channel=4)
    assert wire.programs == [(0xC3, 8)]
    assert {status & 0x0F for status, *_ in wire.sent} == {3}
    assert (0x93, 22, 39) in wire.sent
    assert player.schedule.output_latency == 0.009
    assert any("came back on --midi-in: 1; switch off" in line for line in lines)
    assert player.source.requested_turn == "person"
    assert player.recorder.collect_notes(HUMAN)["pitch"].tolist() == [22]


@pytest.mark.parametrize(
    ("settings", "programs"),
    [({}, []), ({"program": 0}, [(0xC0, 0)]), ({"program": 9}, [(0xC0, 9)])],
)
def test_a_program_is_chosen_only_if_the_preset_has_one(settings, programs, monkeypatch):
    wire = Wire()
    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    run._open_output(play_options(midi_out="synth", preset=Preset(**settings)), print)
    assert wire.programs == programs


@pytest.mark.parametrize("has_thru", [False, True])
def test_the_synthesizer_gets_the_notes_of_the_person_only_with_thru(has_thru, monkeypatch):
    def open_input(name, handler):
        handler((0x90, 1, 3))
        handler((0x80, 1, 0))
        return FakeKeyboard(handler)

    wire = Wire(clock=time.monotonic)
    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    monkeypatch.setattr(midi_ports, "open_input", open_input)
    preset = Preset(thru=has_thru)
    options = play_options(midi_out="synth", midi_in="keys", num_notes=1, preset=preset)
    player = run_player(MODEL, UNCONSTRAINED, options, print)
    assert ((0x90, 1, 3) in wire.sent) is has_thru
    assert player.recorder.collect_notes(HUMAN)["pitch"].tolist() == [1]


def test_a_synthesizer_that_goes_away_ends_the_session_which_is_written(monkeypatch, in_folder):
    wire = Wire()
    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    monkeypatch.setattr(port_watch, "WATCH_SECONDS", 0.01)

    def unplug():
        while not wire.sent:
            time.sleep(0.01)
        wire.present = False

    threading.Thread(target=unplug).start()
    options = play_options(midi_out="synth", num_notes=40, recording=in_folder / "a.mid")
    with pytest.raises(PortError, match=r"^the MIDI port 'wire' is gone; connect it"):
        run_player(MODEL, UNCONSTRAINED, options, print)
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    assert (in_folder / "a.mid").exists()


def test_play_writes_a_file_from_the_shipped_model_without_a_project(in_folder):
    done = RUN.invoke(
        cli.app, ["play", "--midi-out", "none", "--notes", "12"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert done.output == "play.mid\n"
    assert len(reader.read_notes((in_folder / "play.mid").read_bytes(), "symusic")) == 12


def test_ports_are_listed_or_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(
        midi_ports, "list_port_names", lambda kind: ["FluidSynth"] if kind == midi_ports.OUT else []
    )
    done = RUN.invoke(cli.app, ["ports"], catch_exceptions=False)
    assert done.output.splitlines()[0] == "--midi-out FluidSynth"
    assert done.output.splitlines()[1].startswith("--midi-in  none; start a synthesizer")


def test_playing_loads_nothing_heavy(in_folder):
    code = (
        "import sys; from pipeline.cli import app; "
        "app(['play', '--midi-out', 'none', '--notes', '3'], standalone_mode=False); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=in_folder
    )
    heavy = {
        "tensorflow",
        "keras",
        "pandas",
        "pyarrow",
        "matplotlib",
        "pretty_midi",
        "symusic",
        "mido",
        "pythonosc",
        "rtmidi2",
        "scipy",
    }
    assert not set(done.stdout.split()) & heavy


@pytest.mark.slow
def test_after_random_kills_no_note_is_left_hanging():
    done = subprocess.run(
        [sys.executable, "tools/kills.py", "8", "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^8 kills, [1-9]\d* notes, 0 stuck$", done.stdout, re.M)


def test_realtime_priority_restores_everything():
    before = sys.getswitchinterval()
    with run.realtime_priority():
        assert sys.getswitchinterval() == pytest.approx(run.SWITCH_SECONDS)
    assert sys.getswitchinterval() == before
