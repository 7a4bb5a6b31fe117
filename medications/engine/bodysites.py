"""Which part of the body lies in which, for restrictions and for areas. Words as in the facts."""

from collections.abc import Iterable

PARTS: dict[str, frozenset[str]] = {
    "face": frozenset({"forehead", "nose", "lips", "mouth", "eyelids", "periorbital"}),
    "periorbital": frozenset({"eyelids"}),
    "trunk": frozenset({"chest", "breast", "back", "abdomen"}),
    "chest": frozenset({"breast"}),
    "skin_folds": frozenset({"axillae", "groin"}),
    "groin": frozenset({"genital"}),
    "arms": frozenset({"elbows", "wrists"}),
    "hands": frozenset({"finger_webs", "palms", "nails", "wrists"}),
    "legs": frozenset({"thighs", "knees", "ankles"}),
    "feet": frozenset({"toe_webs", "soles", "nails", "ankles"}),
    "nappy_area": frozenset({"groin", "genital", "perianal", "buttocks"}),
}
# Under a nappy all its parts are treated together; from this age the word means single places.
NAPPY_AGE_MONTHS = 36
_SPOKEN = {
    "skin_folds": "skin folds",
    "nappy_area": "nappy area",
    "finger_webs": "finger webs",
    "toe_webs": "toe webs",
    "periorbital": "skin around the eyes",
    "genital": "genital skin",
    "perianal": "skin around the anus",
}


def spoken(site: str) -> str:
    """A site as a person says it."""
    return _SPOKEN.get(site, site.replace("_", " "))


def parts_of(site: str) -> frozenset[str]:
    """`site` and everything within it."""
    inner = PARTS.get(site, frozenset())
    return frozenset({site}).union(*(parts_of(part) for part in inner))


def blocked(sites: Iterable[str], restricted: Iterable[str], *, age_months: int | None) -> tuple[str, ...]:
    """The patient's sites on which a medicine restricted from `restricted` may not be used.

    A site is blocked when it is restricted or lies within a restricted one. The nappy area is
    also blocked by a restriction on any of its parts.
    """
    area: set[str] = set()
    for site in restricted:
        # "Not in the nappy area" says nothing about an adult's buttocks.
        nappy_of_adult = site == "nappy_area" and age_months is not None and age_months >= NAPPY_AGE_MONTHS
        area |= {site} if nappy_of_adult else parts_of(site)
    return tuple(
        site
        for site in sorted(set(sites))
        if site in area or (site == "nappy_area" and parts_of(site) & area)
    )


def reaches_into(sites: Iterable[str], restricted: Iterable[str]) -> tuple[str, ...]:
    """Restricted places inside a wider site of the patient: the face is named, the eyelids are barred."""
    within = frozenset().union(*(parts_of(site) for site in sites))
    return tuple(site for site in restricted if site in within)


def within_only(sites: Iterable[str], allowed: Iterable[str]) -> bool:
    """Whether every site of the patient is one of `allowed` or lies within one."""
    area = frozenset().union(*(parts_of(site) for site in allowed))
    return all(site in area for site in sites)
