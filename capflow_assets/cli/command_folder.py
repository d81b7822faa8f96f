"""A click group whose subcommands are the modules of a package, each imported when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click


class CommandFolder(click.Group):
    """Offers every module of `package` as a subcommand of that name: the click command that it calls `command`."""

    def __init__(self, *args: Any, package: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.package = package

    @cached_property
    def modules(self) -> Sequence[str]:
        """The names of the package's modules; nothing in them is imported."""
        return [module.name for module in iter_modules(import_module(self.package).__path__)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands, sorted."""
        return sorted({*super().list_commands(ctx), *self.modules})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the subcommand of that name, None when there is none."""
        if name not in self.modules:
            return super().get_command(ctx, name)
        command: click.Command = import_module(f"{self.package}.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand to run; UsageError with the nearest name for one that does not exist."""
        from partitions.hints import did_you_mean

        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'{did_you_mean(args[0], names)}")
        return super().resolve_command(ctx, args)
