"""What being of the platform opens at the desk: admins everything, approvers and auditors its pages."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model

from .models import User

READING = "view_"
# An approver decides on requests; whose keys there are, and who was refused, is for admins and auditors.
NOT_FOR_APPROVERS = {
    "identity.view_apitoken",
    "axes.view_accessattempt",
    "policies.view_agenttoken",
}


class PlatformStanding(BaseBackend):
    """Rights from the platform's groups, asked at every page: one who leaves the group has none."""

    def has_perm(
        self,
        user_obj: AbstractBaseUser | AnonymousUser,
        perm: str,
        obj: Model | None = None,  # noqa: ARG002 - Django's signature
    ) -> bool:
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        if user_obj.is_platform_admin:
            return True
        _, _, codename = perm.partition(".")
        if not codename.startswith(READING):
            return False
        return user_obj.is_auditor or (user_obj.is_approver and perm not in NOT_FOR_APPROVERS)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:  # noqa: ARG002 - Django's
        """Whether an application is listed at all; each of its models asks again."""
        return isinstance(user_obj, User) and user_obj.is_active and user_obj.sees_all
