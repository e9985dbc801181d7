"""An API server that does not answer is named, with what it was asked."""

import socket
from pathlib import Path

import pytest

from localcluster import pki
from localcluster.api import Api
from localcluster.errors import LocalClusterError
from localcluster.slots import LOOPBACK


def test_who_did_not_answer_and_where_its_log_is_is_said(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "pki", api_addresses=(LOOPBACK,))
    with socket.socket() as nobody:  # bound, and never listened at: it is refused
        nobody.bind((LOOPBACK, 0))
        api = Api(LOOPBACK, nobody.getsockname()[1], tmp_path / "pki")

        with pytest.raises(LocalClusterError) as error:
            api.get("/api/v1/nodes")

    assert f"The API server at {api.url} did not answer GET /api/v1/nodes" in str(error.value)
    assert f"kube-apiserver.log, is in {tmp_path}" in str(error.value)
