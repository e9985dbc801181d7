"""The door's other side for tests: a cluster and a helm in memory, held to the real ones by contract."""

from .cluster import FakeCluster
from .helm import FakeHelm

__all__ = ["FakeCluster", "FakeHelm"]
