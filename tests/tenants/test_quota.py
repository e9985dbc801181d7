"""What an admin enters as a quantity is what Kubernetes takes, or it is refused here."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tenants.models import Tier
from tenants.quota import check_limits, check_quota, check_resources

GOOD = {
    "requests.cpu": "4",
    "requests.memory": "8Gi",
    "requests.storage": "100Gi",
    "limits.ephemeral-storage": "100Gi",
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


@pytest.mark.parametrize(
    "parts", [{}, {"max": {"cpu": "1"}}, {"default": {}}, {"requests": {}}, []]
)
def test_limits_without_a_default_would_leave_pods_that_say_nothing_refused(parts: object) -> None:
    with pytest.raises(ValidationError):
        check_limits(parts)


@pytest.mark.parametrize("parts", [{"default": {"cpu": "1"}}, {"requests": {"cpu": "many"}}, "x"])
def test_a_controllers_resources_are_requests_and_limits(parts: object) -> None:
    check_resources({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}})
    with pytest.raises(ValidationError):
        check_resources(parts)


@pytest.mark.django_db
def test_every_tier_that_ships_limits_what_a_team_can_store() -> None:
    for tier in Tier.objects.all():
        tier.full_clean()
        assert {"requests.storage", "limits.ephemeral-storage"} <= tier.quota.keys()


@pytest.mark.parametrize("key", ["pods", "count/workflows.argoproj.io", "services.nodeports"])
def test_what_is_counted_is_whole(key: str) -> None:
    with pytest.raises(ValidationError, match="no whole number"):
        check_quota(GOOD | {key: "1500m"})
