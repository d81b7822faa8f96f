"""Functions of an engine that Ibis does not know, called by their names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis

LOCAL, ABSOLUTE = "timestamp", "timestamp('UTC')"


@cache
def builtin(name: str, result: str, *arguments: str) -> Callable[..., ibis.Value]:
    """The engine's function `name`, from and to values of these Ibis types."""
    from inspect import Parameter, Signature

    import ibis

    def function() -> None: ...

    function.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(f"argument_{index}", Parameter.POSITIONAL_ONLY) for index in range(len(arguments))]
    )
    declared = tuple(ibis.dtype(argument) for argument in arguments)
    called: Callable[..., Any] = ibis.udf.scalar.builtin(function, name=name, signature=(declared, ibis.dtype(result)))
    return called
