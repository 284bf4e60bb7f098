"""`facefind serve`: pages on which guests find their photos with a selfie, and the host looks after the rest."""

import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from facefind_pipeline import home as homes
from facefind_pipeline.cli import serving_lock
from facefind_pipeline.cli.listening import in_address, is_private, listen
from facefind_pipeline.cli.serve_links import ADDRESS, LINK_COMMANDS, echo_qr
from facefind_pipeline.cli.workspace import absolute, chosen_set, open_reading, params_option
from facefind_pipeline.errors import FacefindError

if TYPE_CHECKING:
    import socket

    import uvicorn

    from facefind_pipeline.publish.served import Pictures
    from facefind_pipeline.settings import Settings
    from facefind_pipeline.store.database import Database
    from facefind_pipeline.web.host import Host
    from facefind_pipeline.web.site import Site


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  facefind serve                                   (this machine alone)
  facefind serve --lan 192.168.1.20 --hide-others
  facefind serve --lan photos.example.org --tls-cert cert.pem --tls-key key.pem
  facefind serve link Ada --expires 14d --pin""",
)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--lan",
    metavar="ADDRESS",
    help="Serve guests' pages, and these alone, on a private address of this machine too, or a name of it.",
)
@click.option("--tls-cert", type=click.Path(), metavar="FILE", help="Certificate for --lan, PEM, with its chain.")
@click.option("--tls-key", type=click.Path(), metavar="FILE", help="The certificate's key, PEM.")
@click.option(
    "--hide-others", is_flag=True, help="Cover the heads of all who did not agree: `facefind person consent`."
)
@params_option
@click.pass_context
def serve(
    context: click.Context,
    port: int,
    lan: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    hide_others: bool,
    params: str | None,
) -> None:
    """Serve pages on which guests find their photos with a selfie, until Ctrl-C.

    The selfie is looked at in memory and never stored. What is printed first opens for you alone, on this machine; what
    --lan adds opens for everyone in its network, and shows each the photos of their own face.
    """
    if context.invoked_subcommand is not None:
        return
    if lan is None and (tls_cert or tls_key):
        raise click.UsageError("--tls-cert and --tls-key are for --lan ADDRESS")
    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("give --tls-cert and --tls-key together")
    with ExitStack() as opened:
        guests = opened.enter_context(_listen_lan(lan, port)) if lan else None
        host = opened.enter_context(listen("--port", "127.0.0.1", port))
        certificate = read_certificate(tls_cert, tls_key)
        settings, database = open_reading()
        opened.enter_context(serving_lock.hold(settings.home, serving_lock.SERVE))
        site, pictures = make_site(settings, database, params, hide_others=hide_others)
        address = _address(lan, guests, certificate) if lan and guests else None
        pages = make_host(database, site, pictures, address)
        opened.callback(_record_last, pages)
        _serve(settings.home, site, pages, host, guests, address, certificate)


for command in LINK_COMMANDS:
    serve.add_command(command)


def make_site(
    settings: "Settings", database: "Database", params: str | None, *, hide_others: bool
) -> "tuple[Site, Pictures]":
    """The event as guests are served it, with a reader's rights, its models loaded, and the pictures of its photos.

    Raises:
        FacefindError: no such set, a model is missing, or the set does not embed faces.
    """
    from functools import partial

    from facefind_pipeline.ingest.selfies import Selfies
    from facefind_pipeline.publish.served import Pictures, serve_matches
    from facefind_pipeline.search.calibration import NEAREST_REFERENCE, read_calibration
    from facefind_pipeline.search.probes import Probe
    from facefind_pipeline.store.roles import Role, as_role
    from facefind_pipeline.vision.models import YUNET
    from facefind_pipeline.web.site import Site

    with database.connect(vectors=False) as connection:
        key = chosen_set(connection, params).key
        known = read_calibration(connection, key, NEAREST_REFERENCE) is not None
    if key.startswith("whole@"):
        raise FacefindError(f"{key} compares photos, not faces: give --params another set")
    if not known:
        click.echo(
            "warning: it is not known yet how sure a match is, so selfies find nothing: `facefind who` finds the "
            "photos' faces, or add anybody who is in them with `facefind person add NAME FILE`",
            err=True,
        )
    if hide_others:
        YUNET.require(settings.models)  # it looks for other people, in pictures made while guests wait
    click.echo("loading the models", err=True)
    selfies, pictures = Selfies(settings, key), Pictures(settings.models)
    site = Site(
        as_role(database, Role.READER),
        key,
        embed=lambda picture: Probe(selfies.embed(picture), selfies.embedder),
        show=partial(serve_matches, pictures=pictures, others_hidden=hide_others),
    )
    return site, pictures


def make_host(database: "Database", site: "Site", pictures: "Pictures", guests: str | None) -> "Host":
    """The host's pages, with the pipeline's rights; `guests` is the address of guests' pages in the network."""
    from dataclasses import replace
    from functools import partial

    from facefind_pipeline.cli.serve_launch import Launcher
    from facefind_pipeline.ingest.references import person_of
    from facefind_pipeline.publish.served import serve_matches
    from facefind_pipeline.store.roles import Role, as_role
    from facefind_pipeline.web.host import Host
    from facefind_pipeline.web.site import Tools

    launcher = Launcher(site.key)
    show = partial(serve_matches, pictures=pictures, others_hidden=False)
    site = replace(site, database=as_role(database, Role.PIPELINE))
    return Host(site, Tools(show, person_of, launcher.launch, launcher.at_work, guests))


def _listen_lan(lan: str, port: int) -> "socket.socket":
    listener = listen("--lan", lan, port)
    if not is_private(listener):
        listener.close()
        raise FacefindError(f"--lan {lan} is no address of a private network, such as 192.168.1.20")
    return listener


def read_certificate(cert: str | None, key: str | None) -> tuple[Path, Path] | None:
    """The files of a certificate and its key, tried; None where none is named.

    Raises:
        FacefindError: they can't be read, or do not belong together.
    """
    import ssl

    if cert is None or key is None:
        return None
    files = absolute(cert), absolute(key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
    except OSError as error:
        raise FacefindError(f"--tls-cert {cert}, --tls-key {key}: {error.strerror or error}") from None
    return files


def _serve(
    home: Path,
    site: "Site",
    pages: "Host",
    host: "socket.socket",
    guests: "socket.socket | None",
    address: str | None,
    certificate: tuple[Path, Path] | None,
) -> None:
    """Serves until Ctrl-C or SIGTERM."""
    from facefind_pipeline.web.guard import LOOPBACK_NAMES, TOKEN
    from facefind_pipeline.web.serving import guests_app, host_app, make_server

    token, port = secrets.token_urlsafe(32), host.getsockname()[1]
    server = make_server(host_app(site, pages, token, LOOPBACK_NAMES, port), None)
    click.echo(f"yours, until Ctrl-C: http://127.0.0.1:{port}/?{TOKEN}={token}")
    with ExitStack() as opened:
        if guests is not None and address is not None:
            name = urlsplit(address).netloc.removesuffix(f":{port}")
            door = make_server(guests_app(site, sorted({name, in_address(guests.getsockname()[0])}), port), certificate)
            opened.enter_context(_answering(door, guests))
            if certificate is None:
                click.echo(
                    "warning: without --tls-cert pictures cross this network unencrypted: whoever listens there sees "
                    "them",
                    err=True,
                )
            click.echo(f"guests': {address}")
            echo_qr(address)
            homes.write_private(home / ADDRESS, address)
        for ending in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(ending) is signal.SIG_DFL:  # `nohup` has the second ignored
                signal.signal(ending, signal.default_int_handler)
        opened.enter_context(suppress(KeyboardInterrupt))
        server.run(sockets=[host])


@contextmanager
def _answering(door: "uvicorn.Server", listener: "socket.socket") -> Iterator[None]:
    """Serves in a thread of its own, until the end of the block however that ends."""
    thread = threading.Thread(target=door.run, kwargs={"sockets": [listener]}, name="guests")
    thread.start()
    try:
        yield
    finally:
        door.should_exit = True
        thread.join()


def _record_last(pages: "Host") -> None:
    if pages.actions.pending():
        click.echo("recording what was said last", err=True)
    pages.actions.end()


def _address(lan: str, guests: "socket.socket", certificate: tuple[Path, Path] | None) -> str:
    return f"{'https' if certificate else 'http'}://{in_address(lan)}:{guests.getsockname()[1]}/"
