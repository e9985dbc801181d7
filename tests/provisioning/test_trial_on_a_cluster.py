"""An edited tier is tried on the real API server, and nothing is changed by it."""

import pytest

from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from provisioning.trial import of_tier
from tenants.models import TenantNamespace, Tier

pytestmark = pytest.mark.cluster


def test_a_cluster_says_what_it_would_refuse_and_keeps_what_it_has(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    quota = Ref("v1", "ResourceQuota", ready.name, "team-quota")
    before = kube.get(quota)
    touched = TenantNamespace.objects.filter(pk=ready.pk)
    good, bad = Tier.objects.get(pk=ready.tier_id), Tier.objects.get(pk=ready.tier_id)
    good.quota = {**good.quota, "pods": "7"}
    bad.quota = {**bad.quota, "requests.nonsense": "1"}

    (taken,), (refused,) = of_tier(good, touched), of_tier(bad, touched)

    assert (taken.taken, taken.sentence) == (True, "")
    assert refused.taken is False
    assert "nonsense" in refused.sentence
    assert kube.get(quota) == before
