"""The blocks of params.yaml: every meaning, range and unit, and no value. What is trained and how is in `recipes`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


Temperature = Annotated[float, Field(gt=0, le=10)]
TopP = Annotated[float, Field(gt=0, le=1)]
Pitch = Annotated[int, Field(ge=0, lt=128)]
KEY = (
    r"^(chromatic|[A-G][#b]? (major|minor|harmonic minor|melodic minor|dorian|phrygian|lydian|mixolydian|locrian|"
    r"pentatonic|minor pentatonic|blues|whole tone))$"
)


class Section(BaseModel):
    """One block of params.yaml: unknown keys and loose types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Ingest(Section):
    """How MIDI becomes notes."""

    reader: Literal["symusic", "pretty_midi"]
    pedal: bool
    """Whether a note sounds on while the sustain pedal is down, or ends with its key."""


class Windows(Section):
    """Where windows start."""

    length: Annotated[int, Field(ge=1, le=4096)]
    """Notes in a window, T."""
    stride: Count
    """Notes between window starts."""
    train_notes: Annotated[int, Field(ge=0)]
    """Training notes used at most, whole pieces in order of name; 0 uses all."""


class Floors(Section):
    """Predictors that a model must beat."""

    smoothing: Annotated[float, Field(gt=0, le=100)]
    """Count added to each cell of a histogram."""


class Evaluate(Section):
    """Scoring of held-out pieces."""

    batch: Count
    """Pieces read side by side (windows, for a model that cannot stream, 64 times as many)."""


class Sampling(Section):
    """How a note is drawn from what a model says, and what it may be."""

    temperature_pitch: Temperature
    """Of pitch and velocity; below 1 the likely gets likelier, above 1 all get more equal."""
    temperature_time: Temperature
    """Of step and duration."""
    top_p_pitch: TopP
    """Share of the probability of a pitch, and of a velocity, that is kept, the most likely first."""
    top_p_time: TopP
    """The same of a step, and of a duration."""
    key: Annotated[str, Field(pattern=KEY)]
    """`chromatic`, or a tonic and a scale: `C major`, `F# minor` (natural), `Bb dorian`, `A pentatonic` (major)."""
    lowest: Pitch
    """First pitch of the range, itself allowed."""
    highest: Pitch
    """Last pitch of the range, itself allowed."""
    polyphony: Annotated[int, Field(ge=0, le=128)]
    """Notes that may sound at once; 0 is no limit."""
    density: Annotated[int, Field(ge=0, le=1000)]
    """Notes that may start within any second; 0 is no limit."""

    @model_validator(mode="after")
    def _range_is_upwards(self) -> "Sampling":
        if self.lowest > self.highest:
            raise ValueError(f"lowest {self.lowest} is above highest {self.highest}; exchange them")
        return self


class Generate(Section):
    """Samples."""

    samples: Annotated[int, Field(ge=1, le=99)]
    notes: Count
    """Notes sampled after the prompt."""
    prompt_notes: Count
    sampling: Sampling


class Likeness(Section):
    """Musical measures of what a model plays."""

    samples: Annotated[int, Field(ge=1, le=99)]
    notes: Annotated[int, Field(ge=16)]
    """Notes of each sample and of the music it is held against; fewer where no held-out piece is as long."""


class Compare(Section):
    """How the decision is made."""

    split: Literal["validation", "test"]
    """The held-out pieces that decide."""
    notes: Annotated[int, Field(ge=0)]
    """Held-out notes scored at most, the beginnings of all pieces alike; 0 scores all."""
    resamples: Annotated[int, Field(ge=100, le=100_000)]
    """Bootstrap resamples."""


class Benchmark(Section):
    """Timing of all architectures side by side."""

    rounds: Count
    memory: bool
    """Whether peak memory is measured too, which takes two processes for each architecture."""


class Gate(Section):
    """What the results of a changed project must hold, beside those it started from, to be offered."""

    tolerance: Annotated[float, Field(ge=0, le=10)]
    """Bits per note that another seed may change; up to this, a difference is too close to call."""
    copied_notes: Annotated[int, Field(ge=0, le=10_000)]
    """Notes by which the longest passage copied from training may exceed that of held-out music."""
    parity: Annotated[float, Field(gt=0, le=1)]
    """Bits by which a note may be told otherwise by the engine that plays than by the framework that trained."""
