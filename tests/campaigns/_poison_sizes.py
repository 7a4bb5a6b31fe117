"""Which size of picture does which harm in `_poison`'s workers."""

SIZES = {
    "memory": (401, 301),
    "cpu": (403, 303),
    "segfault": (407, 307),
    "endless": (409, 309),
    "huge": (411, 311),
}
