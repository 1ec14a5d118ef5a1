"""A minGRU model in PyTorch, to compare the speed of training; `pipeline.models.keras` documents the layers.

Shapes: B passages, T notes.
"""

from typing import Any

import torch
import torch.nn.functional as f
from torch import nn

from pipeline.config.schema import ModelConfig
from pipeline.notes.quantize import (
    DURATION,
    NUM_TIME_TOKENS,
    NUM_VELOCITY_TOKENS,
    PITCH,
    STEP,
    VELOCITY,
)

NUM_TOKENS = {
    STEP: NUM_TIME_TOKENS,
    DURATION: NUM_TIME_TOKENS,
    PITCH: 128,
    VELOCITY: NUM_VELOCITY_TOKENS,
}
GENERATION_ORDER = (STEP, PITCH, DURATION, VELOCITY)


class LinearRecurrence(torch.autograd.Function):
    """h_t = keep_t h_(t-1) + new_t over [T, B, U], with the gradient written out."""

    @staticmethod
    def forward(ctx: Any, decay: Any, inputs: Any, initial: Any) -> Any:
        out, state = torch.empty_like(inputs), initial
        for t in range(len(decay)):
            state = torch.addcmul(inputs[t], decay[t], state, out=out[t])
        ctx.save_for_backward(decay, out, initial)
        return out

    @staticmethod
    def backward(ctx: Any, upstream: Any) -> Any:
        keep, out, first = ctx.saved_tensors
        total = torch.empty_like(upstream)
        back = total[-1] = upstream[-1]
        for t in range(len(keep) - 2, -1, -1):
            back = torch.addcmul(upstream[t], keep[t + 1], back, out=total[t])
        return total * torch.cat([first[None], out[:-1]]), total, keep[0] * total[0]


def quick_gelu(x: Any) -> Any:
    return x * torch.sigmoid(1.702 * x)


class MinGRUBlock(nn.Module):
    """One residual block of a minGRU and two dense layers."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width, 1e-6), nn.RMSNorm(width, 1e-6)
        self.inner, self.outer = nn.Linear(width, 3 * units), nn.Linear(units, width, bias=False)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width, bias=False)

    def forward(self, x: Any, state: Any) -> Any:
        keep, new, gate = self.inner(self.norm1(x)).chunk(3, -1)
        keep = torch.sigmoid(keep)
        states = LinearRecurrence.apply(keep, (1 - keep) * new, state)
        x = x + self.outer(states * f.silu(gate))
        return x + self.down(quick_gelu(self.up(self.norm2(x)))), states[-1].detach()


class PeerModel(nn.Module):
    """Layers and autoregressive heads."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d, c = config.embedding_dim, config.head_dim
        self.embedding_tables = nn.ModuleList(
            [nn.Embedding(NUM_TOKENS[column], d) for column in GENERATION_ORDER]
        )
        self.active_embedding = nn.Linear(256, d)
        self.blocks = nn.ModuleList([MinGRUBlock(d, units) for units in config.units])
        self.norm, self.hidden_projection, self.active_projection = (
            nn.RMSNorm(d, 1e-6),
            nn.Linear(d, 4 * c),
            nn.Linear(256, 2 * c, bias=False),
        )
        self.conditioning = nn.ModuleList(
            [
                nn.Embedding(NUM_TIME_TOKENS, 3 * c),
                nn.Embedding(128, 2 * c),
                nn.Embedding(NUM_TIME_TOKENS, c),
            ]
        )
        self.output_layers = nn.ModuleList(
            [nn.Linear(c, NUM_TOKENS[column]) for column in GENERATION_ORDER]
        )
        self.head_dim = c

    def forward(self, tokens: Any, active: Any, state: list[Any]) -> Any:
        """Return the loss of tokens [T + 1, B, 4] with active notes [T + 1, B, 128], and the state."""
        is_active = (active > 0).float()
        features = torch.cat([is_active, torch.exp(active.float() / -20) * is_active], -1)
        x = sum(
            table(tokens[:-1, :, column])
            for table, column in zip(self.embedding_tables, GENERATION_ORDER, strict=True)
        )
        x, after = x + self.active_embedding(features[:-1]), []
        for block, before in zip(self.blocks, state, strict=True):
            x, now = block(x, before)
            after.append(now)
        c, then = self.head_dim, tokens[1:]
        step, pitch, duration, velocity = self.hidden_projection(self.norm(x)).chunk(4, -1)
        ahead, by_step = self.active_projection(features[1:]), self.conditioning[0](then[..., STEP])
        by_pitch = self.conditioning[1](then[..., PITCH])
        pitch = pitch + ahead[..., :c] + by_step[..., :c]
        duration = duration + ahead[..., c:] + by_step[..., c : 2 * c] + by_pitch[..., :c]
        velocity = (
            velocity
            + by_step[..., 2 * c :]
            + by_pitch[..., c:]
            + self.conditioning[2](then[..., DURATION])
        )
        losses = [
            f.cross_entropy(out(quick_gelu(part)).flatten(0, 1), then[..., column].flatten())
            for out, part, column in zip(
                self.output_layers, (step, pitch, duration, velocity), GENERATION_ORDER, strict=True
            )
        ]
        return losses[0] + losses[1] + losses[2] + 0.2 * losses[3], after
