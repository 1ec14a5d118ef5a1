"""The command that opens a page to play with a model."""

from typing import Annotated

import typer

from pipeline.config import load_params
from pipeline.core import paths

app = typer.Typer()


@app.command(epilog="Example: music-rnn studio --model expressive")
def studio(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the page is; 0 takes any free one.")
    ] = 8765,
    model: Annotated[
        str, typer.Option(help="The model to begin with; the page can choose another.")
    ] = "expressive",
) -> None:
    """Play with a model in your browser, on this machine alone."""
    from pipeline.generation import generate
    from pipeline.studio import access, session
    from pipeline.studio import app as server

    how = (
        load_params(paths.PARAMS).generate.sampling
        if paths.PARAMS.exists()
        else generate.UNCONSTRAINED
    )
    here, token = session.LiveSession(model, how), access.generate_token()
    line = server.bind_socket(port)
    number = line.getsockname()[1]
    typer.echo(f"http://127.0.0.1:{number}/?token={token}")
    typer.echo("Open this address in a browser; Ctrl-C ends.")
    server.make_server(here, number, token).run(sockets=[line])
