"""Sockets that listen at an address which the user named, for `facefind dev` and `serve`."""

import errno
import ipaddress
import os
import socket

from facefind_pipeline.errors import FacefindError


def listen(option: str, host: str, port: int) -> socket.socket:
    """A socket that listens from now on, so that no other program can take the port while what serves it starts.

    Args:
        option: by which the user named the host, for messages.
        host: name or address of this machine.
        port: to listen at.

    Raises:
        FacefindError: it is no address of this machine, or all of them, or the port is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if _numeric(address).is_unspecified:
            raise FacefindError(f"{option} {host} is every address at once: give one, as 127.0.0.1")
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise FacefindError(f"{option} {host} is no address of this machine: leave it out, or give one") from None
        reason = os.strerror(error.errno or 0).lower()
        raise FacefindError(f"can't serve on {host}:{port}: {reason}; choose another with --port") from None


def is_loopback(listener: socket.socket) -> bool:
    """Whether the socket is reached from this machine alone."""
    return _numeric(listener.getsockname()).is_loopback


def is_private(listener: socket.socket) -> bool:
    """Whether the socket is reached from a private network, and not from the internet or this machine alone."""
    address = _numeric(listener.getsockname())
    return address.is_private and not address.is_loopback


def in_address(host: str) -> str:
    """A host as addresses of pages spell it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _numeric(address: tuple[object, ...]) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(str(address[0]).partition("%")[0])
