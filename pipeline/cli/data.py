"""Commands that get music: a corpus with a manifest, or a folder of your own."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.config import load_params
from pipeline.core import paths

app = typer.Typer()


@app.command(
    epilog="Example: music-rnn fetch maestro-v3 --archive ~/Downloads/maestro-v3.0.0-midi.zip"
)
def fetch(
    corpus: Annotated[
        str, typer.Argument(help="A manifest in data/corpora; default: that of params.yaml.")
    ] = "",
    archive: Annotated[
        Path | None, typer.Option("--archive", help="Use this archive, do not download it.")
    ] = None,
) -> None:
    """Get a corpus, verify every file, and write data/raw/CORPUS.zip."""
    from pipeline.corpus.manifest import validate_name
    from pipeline.stages import fetch as stage

    params = load_params(paths.PARAMS)
    name = validate_name(corpus or params.corpus)
    if archive:
        stage.import_archive(name, archive)
    stage.run(params.model_copy(update={"corpus": name}))


@app.command(
    epilog="Example: music-rnn add-corpus my-piano ~/Music/midi, then: dvc exp run -S corpus=my-piano"
)
def add_corpus(
    name: Annotated[str, typer.Argument(help="Name of the new corpus: a-z, 0-9, - and _.")],
    folder: Annotated[
        str,
        typer.Argument(
            help="Folder of .mid, .midi, .kar and .rmi files, or a URL such as s3://bucket/midi; "
            "default: that of the manifest."
        ),
    ] = "",
) -> None:
    """Describe a folder of your own MIDI files as a corpus; run it again when files change."""
    from pipeline.corpus import add_folder, add_remote, ingest_summary

    if add_remote.is_url(folder):
        typer.echo(add_remote.add_remote(name, folder))
        return
    params = load_params(paths.PARAMS)
    root = Path(folder) if folder else None
    added = add_folder.add_folder(name, root, params.ingest, params.windows.sequence_length)
    ingest_summary.print_lines(added.lines)
    typer.echo(added)
