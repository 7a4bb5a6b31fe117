"""What this package says when it cannot do what was asked."""

from dermatech.core.errors import Unavailable, Unprocessable


class PackageRefused(Unprocessable):
    """422: a model package fails a check. `code` names the check, `detail` the fact."""

    code = "package_refused"
    detail = "The model package was refused."

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail, code=code)

    @property
    def reason(self) -> str:
        """Code and fact on one line, for a terminal."""
        return f"{self.code}: {self.detail}"


class InferenceFailed(Unavailable):
    """The model gave no usable answer for this photo; the analysis goes on without it."""

    code = "inference_failed"
    detail = "The image model gave no usable answer for this photo."
