"""Stage check: params.yaml is valid, which must be known before DVC deletes the output of any other stage."""

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.core.errors import ParamsError
from pipeline.core.suggestions import suggest_name
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = tuple(Params.model_fields)
"""What it reads of params.yaml: all of it."""
MESSAGE = "params.yaml is valid\n"
"""Always the same, so that no other stage runs because this one ran."""


def run(params: Params) -> None:
    """Check what params.yaml names; its types and ranges were checked when it was loaded.

    Raises:
        ParamsError: there is no corpus of that name.
    """
    manifest = paths.get_manifest_path(params.corpus)
    if not manifest.is_file():
        corpora = sorted(path.stem for path in paths.CORPORA.glob("*.yaml"))
        suggestion = suggest_name(params.corpus, corpora)
        raise ParamsError(
            f"{paths.PARAMS}: corpus: there is no {manifest}{suggestion or '; add it with music-rnn add-corpus'}"
        )
    files.write_text(paths.PARAMS_CHECK, MESSAGE)


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
