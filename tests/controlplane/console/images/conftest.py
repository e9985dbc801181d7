"""Only one registry is allowed."""

import pytest

from tests.images import HARBOR, nothing_said, policy


@pytest.fixture(autouse=True)
def _only_harbor() -> None:
    nothing_said()
    policy(allow=[HARBOR])
