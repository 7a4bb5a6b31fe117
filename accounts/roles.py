"""The closed vocabularies of accounts. No models here, so that the policy can be read alone."""

from django.db.models import TextChoices


class Role(TextChoices):
    """What someone is to the service. `accounts.policy` says what each may do."""

    PHARMACIST = "pharmacist", "Pharmacist (uses the app)"
    SUPERVISOR = "supervisor", "Supervisor"
    AUDITOR = "auditor", "Auditor"
    ADMIN = "admin", "Administrator"


class Cadre(TextChoices):
    """Who someone is under Ghana's Health Professions Regulatory Bodies Act; decides what they may supply."""

    PHARMACIST = "pharmacist", "Pharmacist"
    PHARMACY_TECHNICIAN = "pharmacy_technician", "Pharmacy technician"
    MEDICINE_COUNTER_ASSISTANT = "medicine_counter_assistant", "Medicine counter assistant"
    OTC_MEDICINE_SELLER = "otc_medicine_seller", "OTC medicine seller"


class AccountState(TextChoices):
    """pending -> verified | refused; verified -> deactivated -> verified."""

    PENDING = "pending", "Waiting for verification"
    VERIFIED = "verified", "Verified"
    REFUSED = "refused", "Refused"
    DEACTIVATED = "deactivated", "Deactivated"


class Region(TextChoices):
    """The sixteen regions of Ghana (since the referendum of December 2018)."""

    AHAFO = "ahafo", "Ahafo"
    ASHANTI = "ashanti", "Ashanti"
    BONO = "bono", "Bono"
    BONO_EAST = "bono_east", "Bono East"
    CENTRAL = "central", "Central"
    EASTERN = "eastern", "Eastern"
    GREATER_ACCRA = "greater_accra", "Greater Accra"
    NORTH_EAST = "north_east", "North East"
    NORTHERN = "northern", "Northern"
    OTI = "oti", "Oti"
    SAVANNAH = "savannah", "Savannah"
    UPPER_EAST = "upper_east", "Upper East"
    UPPER_WEST = "upper_west", "Upper West"
    VOLTA = "volta", "Volta"
    WESTERN = "western", "Western"
    WESTERN_NORTH = "western_north", "Western North"


class EndReason(TextChoices):
    """Why a device session ended."""

    SIGNED_OUT = "signed_out", "Signed out on the device"
    ENDED_BY_OWNER = "ended_by_owner", "Signed out by the owner from another device"
    ENDED_BY_STAFF = "ended_by_staff", "Signed out by staff"
    TOKEN_REUSED = "token_reused", "An old refresh token was used again"
    PASSWORD_CHANGED = "password_changed", "The password was changed"
    ROLE_CHANGED = "role_changed", "The role was changed"
    DEACTIVATED = "deactivated", "The account was deactivated"
    SECOND_FACTOR_RESET = "factor_reset", "The second factor was set up or reset"


STAFF_ROLES = frozenset({Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN})
