"""A model and a piano as one HTML file that plays without a server, from a disk or any static host."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from string import Template

from pipeline.config.schema import SamplingConfig
from pipeline.core import files
from pipeline.export.web_model import make_web_model, make_web_sampling
from pipeline.live.improviser import DEFAULT_MAX_NOTES_PER_SECOND, DEFAULT_MAX_POLYPHONY
from pipeline.models.model_io import TrainedModel
from pipeline.notes.theory import key_pitch_classes
from pipeline.studio.key_names import list_key_names

PACKAGE = Path(__file__).parent.parent
WORKER_SCRIPTS = (
    "web/modelLayers.js",
    "web/activeNotes.js",
    "web/pitchAges.js",
    "web/pitchConvolution.js",
    "web/recall.js",
    "web/modelHeads.js",
    "web/model.js",
    "web/noteLimits.js",
    "web/sampler.js",
    "web/modelWorker.js",
)
"""Each after those that it imports."""
PAGE_SCRIPTS = (
    "web/synth.js",
    "web/sustain.js",
    "web/modelClient.js",
    "studio/static/canvas.js",
    "studio/static/formats.js",
    "studio/static/pageButtons.js",
    "studio/static/keyboard.js",
    "studio/static/fallingNotes.js",
    "studio/static/duet.js",
    "studio/static/controls.js",
    "studio/static/localControls.js",
    "studio/static/exported.js",
)
IMPORT = re.compile(r"^import .*;\n", re.M)
DEFAULT_LIMITS = {
    "max_polyphony": DEFAULT_MAX_POLYPHONY,
    "max_notes_per_second": DEFAULT_MAX_NOTES_PER_SECOND,
}
"""What a limit of 0 stands for, as in the studio."""
PLAYING = {"tempo": 1.0, "response_delay": 1.0}
"""Controls of the page that are no sampling: tempo, and the rest [s] after which the model answers."""
STUDIO_ONLY = re.compile(r"[ \n]*<!-- studio -->.*?<!-- /studio -->", re.S)
"""What the page of the studio has and a page without a server has not."""
BODY = re.compile(r"<body>\n(.*)\n</body>", re.S)
EXPORT = re.compile(r"^export (?=class|const|function)", re.M)


def join_modules(paths: tuple[str, ...]) -> str:
    """Return modules of the package as one script, which has neither imports nor exports."""
    text = "\n".join(_read_text(path) for path in paths)
    return EXPORT.sub("", IMPORT.sub("", text))


def render_body() -> str:
    """Return what stands between the `body` tags of the page: that of the studio, without what needs a server."""
    (body,) = BODY.findall(_read_text("studio/static/index.html"))
    return STUDIO_ONLY.sub("", body)


def render_exported_page(model: TrainedModel, sampling: SamplingConfig, title: str) -> str:
    """Return the page; equal models give equal bytes.

    Args:
        model: that plays.
        sampling: how it draws notes at first, and after a reset of the controls.
        title: heading of the page.

    Raises:
        DataError: a page cannot play the model.
        ParamsError: no pitch of the key lies in the range.
    """
    data = {
        "title": title,
        "about": _describe_origin(model),
        "blob": make_web_model(model),
        "settings": make_web_sampling(model, _limit_notes(sampling)),
        "limits": DEFAULT_LIMITS,
        "values": {**sampling.model_dump(mode="json"), **PLAYING},
        "keys": _list_keys(sampling.key),
    }
    script = join_modules(PAGE_SCRIPTS)
    return Template(_read_text("studio/static/exported.html")).substitute(
        title=html.escape(title),
        body=render_body(),
        # No "<" in the text of a script element: it could end it.
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        worker=join_modules(WORKER_SCRIPTS),
        script=script,
        script_hash=_hash_script(script),
        style=_read_text("studio/static/studio.css"),
    )


def write_exported_page(
    model: TrainedModel, sampling: SamplingConfig, title: str, path: Path
) -> None:
    """Write the page; arguments and errors are those of `render_exported_page`."""
    files.write_text(path, render_exported_page(model, sampling, title))


def _limit_notes(sampling: SamplingConfig) -> SamplingConfig:
    """Return a sampling with the limits of the studio where it has none."""
    limits = {name: getattr(sampling, name) or limit for name, limit in DEFAULT_LIMITS.items()}
    return sampling.model_copy(update=limits)


def _list_keys(key: str) -> dict[str, list[int]]:
    """Return the pitch classes of the keys that the page offers, and of `key`, by name."""
    names = dict.fromkeys([*list_key_names(), key])
    return {name: sorted(key_pitch_classes(name)) for name in names}


def _read_text(path: str) -> str:
    return (PACKAGE / path).read_text("utf-8")


def _describe_origin(model: TrainedModel) -> str:
    """Return a sentence on the music that a model was trained on; empty where its card names none."""
    music = model.provenance.get("music")
    if not music:
        return ""
    licence = model.provenance.get("licence_of_the_music")
    return (
        f"The model learned from {music} ({licence})."
        if licence
        else f"The model learned from {music}."
    )


def _hash_script(script: str) -> str:
    """Return the name by which the policy of the page allows one script.

    Source: Content Security Policy Level 3, section 2.3.1, hash-source.
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
