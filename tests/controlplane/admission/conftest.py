import pytest

from tests.webhook import Folders, Process


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path)


@pytest.fixture(scope="module")
def webhook(tmp_path_factory):
    """One process with one policy, for tests that change nothing about it."""
    folders = Folders(tmp_path_factory.mktemp("webhook"))
    folders.publish()
    with Process(folders) as process:
        yield process
