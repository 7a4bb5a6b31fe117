"""Memory that is free already, given back to the machine."""

import ctypes

_LIBRARY = ctypes.CDLL(None)


def give_back() -> None:
    """Where the C library can be asked: what making a session or decoding a picture took and freed is
    otherwise kept by this process, 50 MB and more beside a model of 6."""
    trim = getattr(_LIBRARY, "malloc_trim", None)
    if trim is not None:
        trim(0)
