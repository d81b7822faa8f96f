"""Engine functions that Ibis lacks, called by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis

LOCAL, ABSOLUTE = "timestamp", "timestamp('UTC')"


@cache
def engine_function(name: str, result: str, *arguments: str) -> Callable[..., ibis.Value]:
    """Return the engine's scalar function `name` as an Ibis function, with argument and result types as Ibis types."""
    from inspect import Parameter, Signature

    import ibis

    def function() -> None: ...

    function.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(f"argument_{index}", Parameter.POSITIONAL_ONLY) for index in range(len(arguments))]
    )
    declared = tuple(ibis.dtype(argument) for argument in arguments)
    called: Callable[..., Any] = ibis.udf.scalar.builtin(function, name=name, signature=(declared, ibis.dtype(result)))
    return called
