"""Paths of the API server: a name stays one step of them, or there is no path."""

import pytest

from controlplane.kube.resources import object_path
from controlplane.objects import Ref


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("payments-1", "pods/payments-1"),
        ("x/log?follow=true", "pods/x%2Flog%3Ffollow%3Dtrue"),
        ("../../other/pods/ctl", "pods/..%2F..%2Fother%2Fpods%2Fctl"),
        ("a:b", "pods/a:b"),
    ],
)
def test_a_name_is_one_step_of_the_path(name: str, path: str) -> None:
    assert object_path(Ref("v1", "Pod", "team", name)).endswith(f"/namespaces/team/{path}")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_leads_elsewhere_names_nothing(name: str) -> None:
    with pytest.raises(ValueError, match="names no object"):
        object_path(Ref("v1", "Pod", "team", name))
