"""`python -m dermatech.sync`: the public key that the app is built with."""

import os

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
    django.setup()
    from dermatech.sync.signing import ALGORITHM, key_id, public_key

    print(f"{ALGORITHM} {key_id()} {public_key()}")


if __name__ == "__main__":
    main()
