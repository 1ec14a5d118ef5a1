"""The blocks of params.yaml: every meaning, range and unit, and no value. What is trained and how is in `recipes`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
PositiveInt = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


Temperature = Annotated[float, Field(gt=0, le=10)]
TopP = Annotated[float, Field(gt=0, le=1)]
Pitch = Annotated[int, Field(ge=0, lt=128)]
KEY_PATTERN = (
    r"^(chromatic|[A-G][#b]? (major|minor|harmonic minor|melodic minor|dorian|phrygian|lydian|mixolydian|locrian|"
    r"pentatonic|minor pentatonic|blues|whole tone))$"
)


class StrictModel(BaseModel):
    """One block of params.yaml: unknown keys and loose types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class IngestConfig(StrictModel):
    """How MIDI becomes notes."""

    reader: Literal["symusic", "pretty_midi"]
    sustain_pedal: bool
    """Whether a note sounds on while the sustain pedal is down, or ends with its key."""


class WindowsConfig(StrictModel):
    """Where windows start."""

    sequence_length: Annotated[int, Field(ge=1, le=4096)]
    """Notes in a window, T."""
    stride: PositiveInt
    """Notes between window starts."""
    max_train_notes: Annotated[int, Field(ge=0)]
    """Training notes used at most, whole pieces in order of name; 0 uses all."""


class NgramsConfig(StrictModel):
    """Predictors that a model must beat."""

    additive_smoothing: Annotated[float, Field(gt=0, le=100)]
    """Count added to each cell of a histogram."""


class EvaluateConfig(StrictModel):
    """Scoring of held-out pieces."""

    batch_size: PositiveInt
    """Pieces read side by side (windows, for a model that cannot stream, 64 times as many)."""


class SamplingConfig(StrictModel):
    """How a note is drawn from what a model says, and what it may be."""

    pitch_temperature: Temperature
    """Of pitch and velocity; below 1 the likely gets likelier, above 1 all get more equal."""
    time_temperature: Temperature
    """Of step and duration."""
    pitch_top_p: TopP
    """Share of the probability of a pitch, and of a velocity, that is kept, the most likely first."""
    time_top_p: TopP
    """The same of a step, and of a duration."""
    key: Annotated[str, Field(pattern=KEY_PATTERN)]
    """`chromatic`, or a tonic and a scale: `C major`, `F# minor` (natural), `Bb dorian`, `A pentatonic` (major)."""
    min_pitch: Pitch
    """First pitch of the range, itself allowed."""
    max_pitch: Pitch
    """Last pitch of the range, itself allowed."""
    max_polyphony: Annotated[int, Field(ge=0, le=128)]
    """Notes that may sound at once; 0 is no limit."""
    max_notes_per_second: Annotated[int, Field(ge=0, le=1000)]
    """Notes that may start within any second; 0 is no limit."""

    @model_validator(mode="after")
    def _check_pitch_range(self) -> "SamplingConfig":
        if self.min_pitch > self.max_pitch:
            raise ValueError(
                f"min_pitch {self.min_pitch} is above max_pitch {self.max_pitch}; exchange them"
            )
        return self


class GenerateConfig(StrictModel):
    """Samples."""

    num_samples: Annotated[int, Field(ge=1, le=99)]
    num_notes: PositiveInt
    """Notes sampled after the prompt."""
    prompt_notes: PositiveInt
    sampling: SamplingConfig


class SampleMetricsConfig(StrictModel):
    """Musical measures of what a model plays."""

    num_samples: Annotated[int, Field(ge=1, le=99)]
    num_notes: Annotated[int, Field(ge=16)]
    """Notes of each sample and of the music it is held against; fewer where no held-out piece is as long."""


class CompareConfig(StrictModel):
    """How the decision is made."""

    split: Literal["validation", "test"]
    """The held-out pieces that decide."""
    max_notes: Annotated[int, Field(ge=0)]
    """Held-out notes scored at most, the beginnings of all pieces alike; 0 scores all."""
    bootstrap_resamples: Annotated[int, Field(ge=100, le=100_000)]
    """Bootstrap resamples."""


class BenchmarkConfig(StrictModel):
    """Timing of all architectures side by side."""

    repeats: PositiveInt
    measure_memory: bool
    """Whether peak memory is measured too, which takes two processes for each architecture."""


class GateConfig(StrictModel):
    """What the results of a changed project must hold, beside those it started from, to be offered."""

    tolerance_bits: Annotated[float, Field(ge=0, le=10)]
    """Bits per note that another seed may change; up to this, a difference is too close to call."""
    max_extra_copied_notes: Annotated[int, Field(ge=0, le=10_000)]
    """Notes by which the longest passage copied from training may exceed that of held-out music."""
    max_parity_bits: Annotated[float, Field(gt=0, le=1)]
    """Bits by which a note may be told otherwise by the engine that plays than by the framework that trained."""
