"""What tests of the policies share: the cluster that they are brought to."""

import pytest

from controlplane.kube.door import Connection
from controlplane.policies import delivering
from tests.fakes.cluster import FakeCluster
from tests.fakes.helm import FakeHelm


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """Every delivery goes to this one."""
    fake = FakeCluster()
    connection = Connection(kube=fake, helm=FakeHelm(fake, render=lambda *_: ()))
    monkeypatch.setattr(delivering, "connect", lambda _: connection)
    return fake
