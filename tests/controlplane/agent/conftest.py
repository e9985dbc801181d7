from collections.abc import Iterator

import pytest

from tests.street import Street, street


@pytest.fixture
def platform() -> Iterator[Street]:
    """Something that answers in the platform's place."""
    with street() as here:
        yield here
