"""The sockets of the endpoint: taken before anything else starts, or refused with the system's words."""

import socket

import pytest

from remediator.intake.server import listen


def test_each_address_of_the_host_listens_once():
    (only,) = listen("127.0.0.1", 0)
    with only:
        assert only.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def test_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="Address already in use"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_host_without_an_address_is_refused():
    with pytest.raises(socket.gaierror):
        listen("no-such-host.invalid", 0)
