"""How the child says no."""


class Refused(Exception):
    """The picture is not accepted. `code` is one of the words the app can show."""

    def __init__(self, code: str, why: str = "") -> None:
        self.code = code
        self.why = why
        super().__init__(code)
