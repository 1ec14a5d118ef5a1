import base64

from factories import make_music as notes_of

from pipeline.report import sample_player
from pipeline.report.data import Sample

COLORS = {"a": "a0", "b": "a1"}


def make_sample(name: str, number: int, count: int = 60) -> Sample:
    return Sample(name, number, notes_of(number, count), 8, b"MThd" * 10)


def test_cards_go_by_prompt_then_by_rank():
    samples = [make_sample(name, number) for name in ("a", "b") for number in (1, 2)]
    cards = sample_player.make_sample_players(samples, ["b", "a"], COLORS)
    assert [(card.number, card.architecture) for card in cards] == [
        (1, "b"),
        (1, "a"),
        (2, "b"),
        (2, "a"),
    ]
    assert {card.sample_id for card in cards} == set(sample_player.pack_samples(samples)["players"])
    assert cards[0].file_name == "b-01.mid"
    assert [card.color for card in cards] == ["a1", "a0", "a1", "a0"]


def test_a_card_says_what_its_roll_shows_and_links_the_file():
    (card,) = sample_player.make_sample_players([make_sample("a", 1)], ["a"], COLORS)
    assert card.alt_text.startswith("60 notes in 0:")
    assert card.alt_text.endswith("the first 8 were given")
    assert base64.b64decode(card.download_url.partition("base64,")[2]) == b"MThd" * 10


def test_many_long_samples_are_cut_and_large_files_not_linked(monkeypatch):
    monkeypatch.setattr(sample_player, "MAX_NOTES", 400)
    monkeypatch.setattr(sample_player, "MAX_MIDI_BYTES", 50)
    samples = [make_sample("a", number, 300) for number in (1, 2)]
    cards = sample_player.make_sample_players(samples, ["a"], COLORS)
    assert cards[0].alt_text.startswith("200 of 300 notes")
    assert cards[0].download_url == ""
    assert len(sample_player.pack_samples(samples)["players"]["s0"]["notes"]) == 800


def test_all_rolls_have_the_axes_of_all_samples():
    notes = [notes_of(number, 60) for number in (1, 2)]
    axes = sample_player.pack_samples(
        [Sample("a", number, each, 8, b"") for number, each in enumerate(notes)]
    )["axes"]
    assert axes["low"] == min(each["pitch"].min() for each in notes) - 2
    assert axes["high"] == max(each["pitch"].max() for each in notes) + 2
    assert axes["seconds"] == round(max(map(sample_player.get_end, notes)), 2)
    assert all(axes["low"] <= pitch <= axes["high"] for pitch in axes["octaves"].values())
    assert axes["octaves"]["C4"] == 60
    assert sample_player.pack_samples([]) == {"axes": {}, "players": {}}


def test_times_are_minutes_and_seconds():
    assert [sample_player.format_time(seconds) for seconds in (0, 9.99, 60, 754.2)] == [
        "0:00",
        "0:09",
        "1:00",
        "12:34",
    ]
