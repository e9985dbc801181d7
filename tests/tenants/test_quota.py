"""What an admin enters as a quantity is what Kubernetes takes, or it is refused here."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tenants.quota import check_limits, check_quota

GOOD = {
    "requests.cpu": "4",
    "requests.memory": "8Gi",
    "pods": "50",
    "count/workflows.argoproj.io": "200",
}


@pytest.mark.parametrize("quantity", ["4", "1500m", "0.5", "8Gi", "1e3", "1E2", "2Ti", "100k", "0"])
def test_kubernetes_own_quantities_are_taken(quantity: str) -> None:
    check_quota(GOOD | {"requests.cpu": quantity})


@pytest.mark.parametrize(
    "quantity",
    ["", "many", "-1", "NaN", "Infinity", "1_000", " 1", "1 ", "٤", "1Q", "0x4", "1e400", 4, None],
)
def test_what_is_no_quantity_is_refused_by_name(quantity: object) -> None:
    with pytest.raises(ValidationError, match=r"requests\.cpu"):
        check_quota(GOOD | {"requests.cpu": quantity})


@pytest.mark.parametrize("key", GOOD)
def test_nothing_that_must_be_limited_is_left_open(key: str) -> None:
    with pytest.raises(ValidationError, match="must also limit"):
        check_quota({k: v for k, v in GOOD.items() if k != key})


@pytest.mark.parametrize("wrong", [[], "4", None, {**GOOD, "Pods!": "1"}, {**GOOD, 7: "1"}])
def test_what_is_no_quota_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        check_quota(wrong)


def test_limits_have_kubernetes_own_parts() -> None:
    check_limits({"default": {"cpu": "500m"}, "max": {"memory": "4Gi"}})
    for wrong in ({"defaults": {}}, {"default": "500m"}, {"default": {"cpu": 1}}, []):
        with pytest.raises(ValidationError):
            check_limits(wrong)
