"""The line as a protocol: the server's socket and the fake line both are one."""

import inspect

from tests.fakes.line import FakeLine
from voxd.call.transport import Transport
from voxd.server.media import MediaSocket

MEMBERS = {name for name in vars(Transport) if not name.startswith("_")}


def test_the_fake_line_and_the_socket_have_every_member() -> None:
    for name in MEMBERS - {"lost_reason"}:
        assert hasattr(MediaSocket, name), name
    line = FakeLine()
    assert all(hasattr(line, name) for name in MEMBERS)


def test_all_that_touches_the_socket_is_awaited() -> None:
    for name in MEMBERS:
        if name.startswith(("send_", "receive", "close")):
            assert inspect.iscoroutinefunction(getattr(FakeLine, name)), name
            assert inspect.iscoroutinefunction(getattr(MediaSocket, name)), name
