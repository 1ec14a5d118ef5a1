"""The command that opens a page to play with a model."""

from typing import Annotated

import typer

from pipeline.cli.arguments import complete_model
from pipeline.config.schema import DEFAULT_MODEL

app = typer.Typer()


@app.command(epilog="Example: music-rnn studio --model maestro")
def studio(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the page is; 0 takes any free one.")
    ] = 8765,
    model: Annotated[
        str,
        typer.Option(
            help="The model to begin with; the page can choose another.",
            autocompletion=complete_model,
        ),
    ] = DEFAULT_MODEL,
) -> None:
    """Play with a model in your browser, on this machine alone."""
    from pipeline.cli import options
    from pipeline.studio import access, session
    from pipeline.studio import app as server

    live_session = session.LiveSession(model, options.load_sampling())
    token = access.generate_token()
    line = server.bind_socket(port)
    number = line.getsockname()[1]
    typer.echo(f"http://127.0.0.1:{number}/?token={token}")
    typer.echo("Open this address in a browser; Ctrl-C ends.")
    server.make_server(live_session, number, token).run(sockets=[line])
