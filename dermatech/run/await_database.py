"""Wait until the database answers: `python -m dermatech.run.await_database`, exit 1 after a minute."""

import sys
import time

PATIENCE_SECONDS = 60.0


def answers() -> bool:
    """Whether a query works right now."""
    from django.db import Error, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        connection.close()
        return False
    return True


def main(patience: float = PATIENCE_SECONDS) -> int:
    import django

    django.setup()
    deadline = time.monotonic() + patience
    while not answers():
        if time.monotonic() > deadline:
            print(f"The database did not answer within {patience:.0f} s.", file=sys.stderr)
            return 1
        time.sleep(0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
