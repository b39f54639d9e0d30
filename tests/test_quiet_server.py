"""The tests' server prints the errors of its handlers, but not that a client has gone."""

from http.server import BaseHTTPRequestHandler

import pytest

from tests.quiet_server import QuietServer


def fail(error: type[Exception]) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "printed"), [(ConnectionResetError, False), (BrokenPipeError, False), (ValueError, True), (OSError, True)]
)
def test_errors_other_than_of_a_closed_connection_are_printed(
    capsys: pytest.CaptureFixture[str], error: type[Exception], printed: bool
):
    with QuietServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        try:
            fail(error)
        except error:
            server.handle_error(None, ("127.0.0.1", 1))
    assert (error.__name__ in capsys.readouterr().err) is printed
