"""What can be done about accounts. Every function takes `actor`; None is the system or a stranger."""

from accounts.services._shared import check_password_rules
from accounts.services.passwords import change_own_password, confirm_password_reset, request_password_reset
from accounts.services.people import (
    change_profile,
    change_role,
    create_account,
    deactivate,
    may_edit,
    reactivate,
    update_account,
)
from accounts.services.places import create_premises, update_premises
from accounts.services.registration import (
    Applicant,
    PremisesClaim,
    refuse_registration,
    register,
    verify_registration,
)
from accounts.services.sessions import (
    SignedIn,
    admin_login,
    check_credentials,
    end_session,
    invalid_credentials,
    login,
    logout,
    purge_expired,
    refresh,
)

__all__ = [
    "Applicant",
    "PremisesClaim",
    "SignedIn",
    "admin_login",
    "change_own_password",
    "change_profile",
    "change_role",
    "check_credentials",
    "check_password_rules",
    "confirm_password_reset",
    "create_account",
    "create_premises",
    "deactivate",
    "end_session",
    "invalid_credentials",
    "login",
    "logout",
    "may_edit",
    "purge_expired",
    "reactivate",
    "refresh",
    "refuse_registration",
    "register",
    "request_password_reset",
    "update_account",
    "update_premises",
    "verify_registration",
]
