"""A model and a piano as one HTML file that plays without a server, from a disk or any static host."""

import json
import re
from pathlib import Path

from markupsafe import Markup

from pipeline.config.schema import SamplingConfig
from pipeline.core import files
from pipeline.export.web_model import make_web_model, make_web_sampling
from pipeline.models.model_io import TrainedModel
from pipeline.report.templates import PACKAGE, compute_csp_hash, render_template

WORKER_SCRIPTS = (
    "web/modelLayers.js",
    "web/activeNotes.js",
    "web/modelHeads.js",
    "web/model.js",
    "web/noteLimits.js",
    "web/sampler.js",
    "web/modelWorker.js",
)
"""Each after those that it imports."""
PAGE_SCRIPTS = ("web/synth.js", "studio/static/keyboard.js", "studio/static/exported.js")
IMPORT = re.compile(r"^import .*;\n", re.M)
EXPORT = re.compile(r"^export (?=class|const|function)", re.M)


def join_modules(paths: tuple[str, ...]) -> str:
    """Return modules of the package as one script, which has neither imports nor exports."""
    text = "\n".join((PACKAGE / path).read_text("utf-8") for path in paths)
    return EXPORT.sub("", IMPORT.sub("", text))


def render_exported_page(model: TrainedModel, sampling: SamplingConfig) -> str:
    """Return the page; equal models give equal bytes.

    Raises:
        DataError: a page cannot play the model.
        ParamsError: no pitch of the key lies in the range.
    """
    data = {"blob": make_web_model(model), "settings": make_web_sampling(sampling)}
    script = join_modules(PAGE_SCRIPTS)
    return render_template(
        "studio/static/exported.html",
        architecture=model.architecture,
        music=model.provenance.get("music", ""),
        licence=model.provenance.get("licence_of_the_music", ""),
        # No "<" in the text of a script element: it could end it.
        model=Markup(json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")),
        worker=Markup(join_modules(WORKER_SCRIPTS)),
        script=Markup(script),
        script_hash=compute_csp_hash(script),
        style=Markup((PACKAGE / "studio/static/studio.css").read_text("utf-8")),
    )


def write_exported_page(model: TrainedModel, sampling: SamplingConfig, path: Path) -> None:
    """Write the page.

    Raises:
        DataError, ParamsError: as of `render_exported_page`.
    """
    files.write_text(path, render_exported_page(model, sampling))
