"""Do the rules on images hold in this namespace yet? Until they do it is not Ready.

Were it Ready before, its team's first workflow would be refused for rules that are still on their way.
"""

from provisioning import needs
from tenants.conditions import Condition, Status
from tenants.models import TenantNamespace

from .models import Delivery

IMAGE_RULES = "ImageRulesReady"


@needs.register
def image_rules(namespace: TenantNamespace) -> Condition:
    """Whether its cluster was seen to act by rules that know this namespace.

    What once acted goes on acting while newer rules are on their way. A cluster that nobody has looked
    at yet (the clock does so seconds after it was registered) holds no rule, and needs none.
    """
    row = Delivery.objects.filter(cluster=namespace.cluster_id).first()
    if row is None:
        return Condition(IMAGE_RULES, Status.TRUE, "NotLookedAt", "The cluster has no image rules")
    if row.as_of is not None and row.as_of >= namespace.created_at:
        return Condition(IMAGE_RULES, Status.TRUE, "InForce", "The cluster acts by the image rules")
    if row.message:
        return Condition(IMAGE_RULES, Status.FALSE, "NotInForce", row.message)
    return Condition(
        IMAGE_RULES,
        Status.UNKNOWN,
        "OnTheirWay",
        "The rules on which images may run here are being brought to the cluster; until they are "
        "there, no pod of the team is taken",
    )
