"""The policy table as DRF permission classes."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import policy


class _Requires(BasePermission):
    permission: policy.Permission

    def has_permission(self, request: Request, view: Any) -> bool:
        return policy.allows(request.user, self.permission)


def Requires(permission: policy.Permission) -> type[BasePermission]:  # noqa: N802  # reads as a class
    """A permission class: signed in, verified, and of a role that has `permission`.

    Strangers are answered 401, others 403.
    """
    return type(f"Requires_{permission.name}", (_Requires,), {"permission": permission})
