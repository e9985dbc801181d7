"""What every test has: no sockets but this machine's own, and (where asked) a real cluster."""

import pytest
import pytest_socket

pytest_plugins = ["tests.cluster_fixtures"]

# Loopback, and the bridge that real nodes of local clusters are on.
OWN_ADDRESSES = ["127.0.0.1", "localhost", "::1", "10.244.0.1"]


@pytest.fixture(autouse=True)
def _only_this_machine() -> None:
    """No test asks anything of a network."""
    pytest_socket.socket_allow_hosts(OWN_ADDRESSES, allow_unix_socket=True)
