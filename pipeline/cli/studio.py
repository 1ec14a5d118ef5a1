"""The command that opens a page to play with a model."""

import threading
import webbrowser
from typing import Annotated

import typer

from pipeline.cli.arguments import complete_model
from pipeline.config.schema import DEFAULT_MODEL

app = typer.Typer()
NETWORK_WARNING = (
    "warning: anyone who has this address can play, hear and upload; the connection is not encrypted: "
    "use it only in a network that you trust"
)


@app.command(epilog="Example: music-rnn studio --model maestro")
def studio(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes any free one.")
    ] = 8765,
    model: Annotated[
        str,
        typer.Option(
            help="Model at the start; the page can choose another.",
            autocompletion=complete_model,
        ),
    ] = DEFAULT_MODEL,
    host: Annotated[
        str,
        typer.Option(help="Address of the interface to listen on; 0.0.0.0 lets other machines in."),
    ] = "127.0.0.1",
    opens_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in your browser.")
    ] = False,
) -> None:
    """Play with a model in your browser; other machines can connect only with --host."""
    from pipeline.cli import options
    from pipeline.studio import access, addresses, session
    from pipeline.studio import app as server

    address = addresses.parse_host(host)
    live_session = session.LiveSession(model, options.load_sampling())
    token = access.generate_token()
    listener = server.bind_socket(port, address)
    listener.listen()  # a browser that is faster than the server waits
    number = listener.getsockname()[1]
    urls = addresses.list_urls(address, number, token)
    if not address.is_loopback:
        typer.echo(NETWORK_WARNING, err=True)
    for url in urls:
        typer.echo(url)
    typer.echo("Open this address in a browser; Ctrl-C ends.")
    if opens_browser:
        # A browser of the terminal does not return before it is closed.
        threading.Thread(target=_open_browser, args=(urls[0],), daemon=True).start()
    server.make_server(live_session, number, token, address).run(sockets=[listener])


def _open_browser(url: str) -> None:
    if not webbrowser.open(url):
        typer.echo("no browser could be opened; open the address by hand", err=True)
