"""The blocks of params.yaml: every meaning, range and unit, and no value."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, le=1000)]


class Section(BaseModel):
    """One block of params.yaml: unknown keys and loose types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Ingest(Section):
    """How MIDI becomes notes."""

    reader: Literal["symusic", "pretty_midi"]


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


class LossWeights(Section):
    """Weight of each head in the training loss; never used for ranking."""

    pitch: Weight
    step: Weight
    duration: Weight


class Train(Section):
    """The budget and the optimiser, the same for every architecture."""

    epochs: Count
    """Epochs at most; an epoch is `notes_per_epoch`, not a pass over the corpus, so that budgets are equal."""
    notes_per_epoch: Count
    """Target notes seen in an epoch."""
    patience: Count
    """Epochs without a better validation figure before training stops."""
    batch: Count
    """Target notes in an optimiser step (windows times the targets of a window)."""
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    clip_norm: Annotated[float, Field(gt=0)]
    """Largest norm of the gradient of all weights together."""
    loss_weights: LossWeights
    residual_notes: Count
    """Training notes on which the spread of a regression head is fitted, at most."""
    validation_notes: Count
    """Validation notes scored after each epoch, at most; evaluate scores all."""
    threads: Annotated[int, Field(ge=1, le=256)]
    """Threads of one operation; the weights depend on it in the last bits."""


class Model(Section):
    """One architecture: the recipe that training follows."""

    input: Literal["scalar"]
    """`scalar`: pitch/128, step [s] and duration [s] as three numbers."""
    units: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=1, max_length=8)]
    """Units of each LSTM layer, first to last."""
    bidirectional: bool
    """Each layer also reads the window backwards; such a model cannot stream."""
    between_dropout: Share
    """Dropout between LSTM layers."""
    dense: Annotated[int, Field(ge=0, le=4096)]
    """Units of a ReLU layer after the last LSTM; 0 leaves it out."""
    final_dropout: Share
    """Dropout before the heads."""
    heads: Literal["regression"]
    """`regression`: pitch as logits, step and duration as one number each under squared error."""
    objective: Literal["last"]
    """`last`: the loss is taken at the note after the window."""
    memory: Literal["carried", "window"]
    """What a played or scored model remembers: `carried` state since the first note of the piece, or `window`, for
    which the last T notes are read anew before every note."""

    @model_validator(mode="after")
    def _backwards_needs_window(self) -> "Model":
        if self.bidirectional and self.memory == "carried":
            raise ValueError("a bidirectional model has no state to carry from note to note; set memory: window")
        return self

    @model_validator(mode="after")
    def _between_needs_two(self) -> "Model":
        if self.between_dropout and len(self.units) == 1:
            raise ValueError("between_dropout needs two layers in units; use final_dropout")
        return self


class Evaluate(Section):
    """Scoring of held-out pieces."""

    batch: Count
    """Pieces read side by side (windows, for a model that cannot stream, 64 times as many)."""


class Generate(Section):
    """Samples."""

    samples: Annotated[int, Field(ge=1, le=99)]
    notes: Count
    """Notes sampled after the prompt."""
    prompt_notes: Count
    temperature: Annotated[float, Field(gt=0, le=10)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    """Share of the probability that is kept, the most likely first."""


class Compare(Section):
    """How the decision is made."""

    split: Literal["validation", "test"]
    """The held-out pieces that decide."""
    resamples: Annotated[int, Field(ge=100, le=100_000)]
    """Bootstrap resamples."""


class Benchmark(Section):
    """Timing of all architectures side by side."""

    rounds: Count
