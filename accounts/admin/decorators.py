"""unfold's decorators with types."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from unfold import decorators

F = TypeVar("F", bound=Callable[..., Any])


def action(**options: Any) -> Callable[[F], F]:
    """`unfold.decorators.action`."""
    return cast(Callable[[F], F], decorators.action(**options))


def display(**options: Any) -> Callable[[F], F]:
    """`unfold.decorators.display`."""
    return cast(Callable[[F], F], decorators.display(**options))
