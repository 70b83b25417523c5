import itertools

import pytest
from hypothesis import given, strategies as st

from app.telegram import http_response
from app.telegram.http_response import InvalidResponseError, ResponseReader
from sandbox.telegram.queues import MAX_POLLED_BYTES

BODY = b'{"ok":true,"result":[1,2,3]}'
SIZED = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;name=value\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (
    BODY[:5],
    len(BODY) - 5,
    BODY[5:],
)
TRAILED = CHUNKED.removesuffix(b"\r\n") + b"Checksum: 1\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + SIZED


@given(st.sampled_from([SIZED, CHUNKED, TRAILED, INTERIM]), st.lists(st.integers(1, 200), max_size=8))
def test_a_response_is_the_same_in_whatever_pieces_it_comes(raw: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted({cut for cut in cuts if cut < len(raw)}), len(raw)]
    reader = ResponseReader()
    complete = [reader.feed(raw[start:end]) for start, end in itertools.pairwise(edges)]
    assert complete == [False] * (len(complete) - 1) + [True]
    assert (reader.status, reader.body, reader.reusable) == (200, BODY, True)


@pytest.mark.parametrize(
    ("raw", "reusable"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\nConnection: Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK", False),
    ],
)
def test_whether_the_connection_may_be_used_again(raw: bytes, reusable: bool) -> None:
    reader = ResponseReader()
    assert reader.feed(raw)
    assert reader.reusable is reusable


def test_a_response_without_a_length_ends_with_the_connection() -> None:
    reader = ResponseReader()
    assert not reader.feed(b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>")
    assert reader.end()
    assert (reader.status, reader.body, reader.reusable) == (502, b"<html>", False)


@pytest.mark.parametrize("cut", [SIZED[:10], SIZED[:-1], CHUNKED[:-1], b""])
def test_a_response_that_was_cut_off_is_not_complete(cut: bytes) -> None:
    reader = ResponseReader()
    assert not reader.feed(cut)
    assert not reader.end()


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * http_response.MAX_HEAD,
    ],
)
def test_what_is_no_response_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        ResponseReader().feed(raw)


def test_the_largest_response_of_get_updates_is_read() -> None:
    body = b"x" * MAX_POLLED_BYTES
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    reader.feed(body)
    assert reader.body == body


def test_a_body_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_response, "MAX_BODY", 10)
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(InvalidResponseError):
        reader.feed(b"x" * 11)


@given(st.binary(max_size=300))
def test_nothing_that_comes_breaks_the_reader(raw: bytes) -> None:
    reader = ResponseReader()
    try:
        reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        reader.feed(raw)
    except InvalidResponseError:
        return
    # A chunked response is complete by its last chunk only, never by the end of the connection.
    assert not reader.end()
