"""Password hashing: Argon2id with stated parameters."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id (RFC 9106): 19 MiB of memory, 2 passes, 1 lane.

    The equal-strength choice of the OWASP Password Storage Cheat Sheet that lets the most sign-ins run
    at once on a small server. A hash made with other parameters is remade at the next sign-in.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
