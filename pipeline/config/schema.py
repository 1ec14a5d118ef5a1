"""The sections of params.yaml: every meaning, range and unit; the only values are those for use without the file."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

import pipeline.config.model_rules as rules
from pipeline.config.model_rules import DEFAULT_SPAN, Cell, CellName

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
PositiveInt = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[float, Field(gt=0, le=1)]


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


INSTRUMENT_PATTERN = r"(channel ([1-9]|1[1-6])|program (\d|[1-9]\d|1[01]\d|12[0-7])|track \S.*)"


class IngestConfig(StrictModel):
    """How MIDI becomes notes."""

    reader: Literal["symusic", "pretty_midi"]
    sustain_pedal: bool
    """Whether a note sounds on while the sustain pedal is down, or ends with its key. With true, what the pedal does is in
    the durations, and no note tells where it is: an architecture with `model_pedal` needs false."""
    instruments: str | list[str] = "all"
    """What is read of a file with several instruments: `all` but drums, as one part; `piano`, programs 0 to 7; or a list
    of `channel 1` (1 to 16, without the drums of 10), `program 0` (0 to 127), `track Right hand` (its name)."""

    @model_validator(mode="after")
    def _check_instruments(self) -> "IngestConfig":
        if self.instruments in ("all", "piano"):
            return self
        entries = self.instruments if isinstance(self.instruments, list) else [self.instruments]
        wrong = [entry for entry in entries if not re.fullmatch(INSTRUMENT_PATTERN, entry)]
        if wrong or isinstance(self.instruments, str) or not entries:
            value = wrong[0] if wrong else self.instruments
            raise ValueError(
                f"instruments has {value!r}; use all, piano, or a list of 'channel 1' (to 16, but 10 is drums), "
                "'program 0' (to 127) and 'track NAME'"
            )
        return self


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


class ReplicatesConfig(StrictModel):
    """How often each architecture is trained, each time from a seed of its own."""

    count: Annotated[int, Field(ge=1, le=99)]
    """Number of replicates."""
    scheme: Literal["auto", "cross_validation", "seeds"]
    """`cross_validation`: each replicate holds out other compositions, so that every one is held out once. `seeds`: the
    splits of the corpus stay. `auto`: cross-validation where the corpus holds out fewer than 20 compositions."""


class EvaluateConfig(StrictModel):
    """Scoring of held-out pieces."""

    batch_size: PositiveInt
    """Pieces read side by side (windows, for a model that cannot stream, 64 times as many)."""


class SamplingConfig(StrictModel):
    """How a note is drawn from what a model says, and what it may be."""

    pitch_temperature: Temperature
    """Of pitch; below 1 the likely gets likelier, above 1 all get more equal."""
    time_temperature: Temperature
    """Of step and duration."""
    velocity_temperature: Temperature
    """Of velocity."""
    pitch_top_p: TopP
    """Share of the probability of a pitch that is kept, the most likely first."""
    time_top_p: TopP
    """The same of a step, and of a duration."""
    velocity_top_p: TopP
    """The same of a velocity."""
    recall_bonus: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Nats added to the logits of the two pitches of a hint, by models with `recall`: what the piece played before comes back
    more often than the model learned. The pitches of the last three notes get none. Scores do not depend on it."""
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
    limit_times: bool
    """Whether no step and no duration is longer than in 99.9 % of the notes that the model was trained on, or in the
    prompt. A model that was trained before these were measured has no such limit."""

    @model_validator(mode="after")
    def _check_pitch_range(self) -> "SamplingConfig":
        if self.min_pitch > self.max_pitch:
            raise ValueError(
                f"min_pitch {self.min_pitch} is above max_pitch {self.max_pitch}; exchange them"
            )
        return self


DEFAULT_MODEL = "maestro"
"""The bundled model, which commands take where none is named."""
DEFAULT_SAMPLING = SamplingConfig(
    pitch_temperature=1.0,
    time_temperature=1.0,
    velocity_temperature=1.0,
    pitch_top_p=0.98,
    time_top_p=1.0,
    velocity_top_p=0.98,
    recall_bonus=6.0,
    key="chromatic",
    min_pitch=0,
    max_pitch=127,
    max_polyphony=0,
    max_notes_per_second=0,
    limit_times=True,
)
"""Sampling outside a project, equal to that of the committed params.yaml."""


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
    """Samples, each from a prompt of its own; fewer where held-out pieces have no room for as many prompts."""
    num_notes: Annotated[int, Field(ge=16)]
    """Notes of each sample and of the music it is held against; fewer where no held-out piece is as long."""


class TwoSampleConfig(StrictModel):
    """Whether a classifier can tell what a model plays from real music."""

    num_prompts: Annotated[int, Field(ge=2, le=100_000)]
    """Prompts at most; fewer where held-out pieces have no room for them."""
    num_notes: Annotated[int, Field(ge=16)]
    """Notes of each real and each generated passage."""


class CompareConfig(StrictModel):
    """How the decision is made."""

    split: Literal["validation", "test"]
    """Split of the corpus that decides; under cross-validation the test fold of each replicate does."""
    max_notes: Annotated[int, Field(ge=0)]
    """Held-out notes scored at most in each replicate, the beginnings of all pieces alike; 0 scores all."""


class BenchmarkConfig(StrictModel):
    """Timing of all architectures side by side."""

    repeats: PositiveInt
    measure_memory: bool
    """Whether peak memory is measured too, which takes two processes for each architecture."""


class GateConfig(StrictModel):
    """What the results of a changed project must hold, beside those it started from, to be offered."""

    tolerance_bits: Annotated[float, Field(ge=0, le=10)]
    """Bits per note that another seed may change; up to this, a difference between single replicates is too close to call.
    The intervals of several replicates contain it."""
    max_extra_copied_notes: Annotated[int, Field(ge=0, le=10_000)]
    """Notes by which the longest passage copied from training may exceed that of held-out music."""
    max_parity_bits: Annotated[float, Field(gt=0, le=1)]
    """Bits by which a note may be told otherwise by the engine that plays than by the framework that trained."""


NonNegative = Annotated[float, Field(ge=0, le=1000)]


class LossWeights(StrictModel):
    """Weight of each head in the training loss; never used for ranking."""

    pitch: NonNegative
    """Of regression heads; distributions are all in nats and weigh the same."""
    step: NonNegative
    """Likewise."""
    duration: NonNegative
    """Likewise."""
    velocity: NonNegative
    """Of the velocity of categorical and mixture heads."""
    pedal: NonNegative = 0.2
    """Of the pedal of such heads, where `model_pedal` is true."""

    @model_serializer(mode="wrap")
    def _leave_out_defaults(self, handler: Any) -> dict[str, Any]:
        return rules.leave_out_defaults(type(self), handler(self))


class WindowedTraining(StrictModel):
    """How a loss at the note after the window is descended: windows at random, Adam, as in the tutorial."""

    batch_size: PositiveInt
    """Windows, so target notes, in an optimiser step."""


class StatefulTraining(StrictModel):
    """How a loss after every note is descended: passages in segments, the state carried from one to the next."""

    batch_size: PositiveInt
    """Passages read side by side."""
    bptt_length: Annotated[int, Field(ge=2)]
    """Notes between optimiser steps; gradients reach back no further."""
    segments_per_passage: PositiveInt
    """Segments in a passage."""
    warmup: Fraction
    """Share of the budget in which the learning rate rises to that of the architecture; then it falls evenly to zero at
    the end of the budget."""
    max_transpose: Annotated[int, Field(ge=0, le=12)]
    """Passages are transposed by up to this many semitones, up or down."""
    max_tempo_change: Fraction
    """Tempo is changed by up to this share, up or down."""
    max_velocity_shift: Annotated[int, Field(ge=0, le=40)]
    """Velocities are shifted by up to this, up or down."""


class TrainConfig(StrictModel):
    """The budget, the same for every architecture, and the recipe of each objective."""

    epochs: PositiveInt
    """Epochs at most; an epoch is `notes_per_epoch`, not a pass over the corpus, so that budgets are equal."""
    notes_per_epoch: PositiveInt
    """Target notes seen in an epoch."""
    patience: PositiveInt
    """Epochs without a better validation figure before training stops."""
    clip_norm: Annotated[float, Field(gt=0)]
    """Largest norm of the gradient of all weights together."""
    loss_weights: LossWeights
    noise_fit_notes: PositiveInt
    """Training notes on which the spread of a regression head is fitted, at most."""
    max_validation_notes: PositiveInt
    """Validation notes scored after each epoch, at most; evaluate scores all."""
    num_threads: Annotated[int, Field(ge=1, le=256)]
    """Threads of one operation; the weights depend on it in the last bits."""
    workers: Annotated[int, Field(ge=1, le=1024)]
    """Processes that train one model together, each with some rows of every batch; the weights depend on it in the last
    bits. `TF_CONFIG` overrides it."""
    windowed: WindowedTraining
    stateful: StatefulTraining

    @model_validator(mode="after")
    def _check_epoch_size(self) -> "TrainConfig":
        stateful = self.stateful
        passage_length = stateful.bptt_length * stateful.segments_per_passage
        least = max(self.windowed.batch_size, stateful.batch_size * passage_length)
        if self.notes_per_epoch < least:
            raise ValueError(f"notes_per_epoch is less than one round of batches, {least} notes")
        return self


class ModelConfig(StrictModel):
    """One architecture: the recipe that training follows."""

    input: Literal["scalar", "embedding"]
    """`scalar`: pitch/128, step [s] and duration [s] as three numbers. `embedding`: a vector looked up for each part of
    the note, and which keys still sound."""
    embedding_dim: Annotated[int, Field(ge=0, le=4096)]
    """Features of the embedding input; 0 with the scalar input."""
    model_velocity: bool
    """Whether velocity is read and told; bits per note leave it out, so that all can be compared."""
    model_pedal: bool = False
    """Whether the state of the sustain pedal at the onset of a note is read and told, after velocity: up, held, or pressed
    since the note before. Bits per note leave it out. It needs `ingest.sustain_pedal: false`."""
    cell: Cell
    """`lstm`: LSTM layers. `bilstm`: LSTM layers that also read the window backwards; such a model cannot stream.
    `mingru`: residual blocks of a minGRU and two dense layers, `embedding_dim` wide. `attention`: such blocks with
    attention to the last `span` notes in place of the recurrence. One name for all layers, or a list with one of the
    last two for each, such as [mingru, attention]."""
    units: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=1, max_length=8)]
    """Units of each recurrent layer, first to last; of attention all its heads together, 32 each."""
    conv: Annotated[int, Field(ge=0, le=64)] = 0
    """Notes of a causal depthwise convolution over what each residual block mixes over time; 0 leaves it out."""
    span: Annotated[int, Field(ge=2, le=8192)] = DEFAULT_SPAN
    """Notes that attention reads, the one just read among them."""
    dropout: Fraction
    """Dropout between layers."""
    dense_units: Annotated[int, Field(ge=0, le=4096)]
    """Units of a ReLU layer after the last recurrent one; 0 leaves it out."""
    output_dropout: Fraction
    """Dropout before the heads."""
    heads: Literal["regression", "categorical", "mixture"]
    """`regression`: pitch as logits, step and duration as one number each under squared error. `categorical`: a
    distribution over bins for each part, told in a chain, each part knowing those before it. `mixture`: the same chain,
    times as a mixture of logistics on the grid."""
    head_dim: Annotated[int, Field(ge=0, le=4096)]
    """Units of each part of the chain; 0 with regression heads."""
    pitch_head: Literal["dense", "equivariant"] = "dense"
    """`dense`: logits of pitches by a dense layer. `equivariant`: to these, two convolutions over the pitches are added,
    which read which pitches sound and how long ago each was struck, and know no pitch by its number."""
    mask_active: bool = False
    """Whether a pitch that sounds is not struck again: the distribution leaves all such pitches 0.0002 together, and
    generation nothing."""
    recall: bool = False
    """Whether what the piece played after the latest earlier place like the present one is read and can be copied."""
    loss_on: Literal["last", "all"]
    """`last`: the loss is taken at the note after the window. `all`: at every note."""
    stateful: bool
    """Whether scoring and generation carry the state from the first note of the piece on. Otherwise the last T notes
    are read again before every note."""
    learning_rate: LearningRate
    """Of every optimiser step with `loss_on: last`; the highest with `loss_on: all`, as `train.stateful.warmup` says."""

    @model_serializer(mode="wrap")
    def _leave_out_defaults(self, handler: Any) -> dict[str, Any]:
        return rules.leave_out_defaults(type(self), handler(self))

    @property
    def cells(self) -> list[CellName]:
        """Cell of each layer, first to last."""
        return self.cell if isinstance(self.cell, list) else [self.cell] * len(self.units)

    @property
    def cell_text(self) -> str:
        """`cell` in one line of text."""
        return ", ".join(self.cell) if isinstance(self.cell, list) else self.cell

    @property
    def is_equivariant(self) -> bool:
        """Whether heads read how long ago each pitch was struck."""
        return self.pitch_head == "equivariant"

    @property
    def is_bidirectional(self) -> bool:
        """Whether the layers also read the window backwards."""
        return self.cell == "bilstm"

    @property
    def is_residual(self) -> bool:
        """Whether the layers are residual blocks, which all read and return vectors of `embedding_dim`."""
        return set(self.cells) <= set(rules.RESIDUAL_CELLS)

    @model_validator(mode="after")
    def _check_combinations(self) -> "ModelConfig":
        rules.check_model_config(self)
        return self
