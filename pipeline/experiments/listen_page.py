"""The page of a listening test: one HTML file that needs nothing else.

It is blind against a person who listens, not against one who reads its source: which side is real stands there, encoded.
"""

import base64
import hashlib
import json
from collections.abc import Sequence

from markupsafe import Markup

from pipeline.experiments.listen import Pair
from pipeline.report.note_lists import TICKS_PER_SECOND, pack_notes
from pipeline.report.templates import PACKAGE, compute_csp_hash, render_template

STYLES = ("report/static/report.css", "experiments/static/listen.css")
SCRIPTS = (
    "report/static/theme.js",
    "web/noteList.js",
    "web/synth.js",
    "experiments/static/binomial.js",
    "experiments/static/notePlayer.js",
    "experiments/static/listen.js",
)
REST_SECONDS = 25
"""To think about a pair, for the time that the page announces."""


def render_listening_test(pairs: Sequence[Pair], seconds: int) -> str:
    """Return the page; equal pairs give equal bytes.

    Args:
        pairs: what is heard, in order.
        seconds: of each continuation.
    """
    script = "\n".join(map(_read_file, SCRIPTS))
    script = script.replace("export class", "class")  # it is one script, not modules
    test = {
        "seconds": seconds,
        "pairs": [_pack_pair(pair) for pair in pairs],
        "key": _encode_key(pairs),
    }
    test_id = hashlib.sha256(json.dumps(test).encode()).hexdigest()[:12]
    return render_template(
        "experiments/static/listen.html",
        num_pairs=len(pairs),
        num_models=len({pair.model for pair in pairs}),
        seconds=seconds,
        minutes=_estimate_minutes(pairs, seconds),
        has_level_pairs=any(_is_level(pair) for pair in pairs),
        test={"id": test_id, **test},
        style=Markup("\n".join(map(_read_file, STYLES))),
        script=Markup(script),
        script_hash=compute_csp_hash(script),
    )


def _read_file(path: str) -> str:
    return (PACKAGE / path).read_text(encoding="utf-8")


def _pack_pair(pair: Pair) -> dict[str, object]:
    """Return a pair for the script; `join` is the last onset of the prompt, where both sides begin."""
    sides = [pack_notes(pair.real), pack_notes(pair.generated)]
    if not pair.is_real_first:
        sides.reverse()
    join = round(float(pair.prompt["onset"][-1]) * TICKS_PER_SECOND)
    return {"prompt": pack_notes(pair.prompt), "join": join, "A": sides[0], "B": sides[1]}


def _encode_key(pairs: Sequence[Pair]) -> str:
    """Return what the page shows at the end, so that nobody reads it by chance."""
    key = [
        {"model": pair.model, "piece": pair.piece, "real": "A" if pair.is_real_first else "B"}
        for pair in pairs
    ]
    return base64.b64encode(json.dumps(key).encode()).decode()


def _estimate_minutes(pairs: Sequence[Pair], seconds: int) -> int:
    prompts = sum(float(pair.prompt["onset"][-1]) for pair in pairs)
    return round((prompts + len(pairs) * (2 * seconds + REST_SECONDS)) / 60) or 1


def _is_level(pair: Pair) -> bool:
    """Return whether both sides are played at one velocity."""
    return len({*pair.real["velocity"].tolist(), *pair.generated["velocity"].tolist()}) == 1
