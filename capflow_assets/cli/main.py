"""The `capflow` command. Exit 0: all was done; 2: bad input, told in one line; 3: some customers blocked or failed."""

from __future__ import annotations

import sys
from importlib import import_module

import click

COMMANDS = {
    "customer": "customers",
    "demo": "demo",
    "dev": "dev",
    "model": "model",
    "predictions": "predictions",
    "quarantine": "quarantine",
    "report": "report",
    "rollback": "rollback",
    "run": "run",
    "status": "status",
    "vertical": "vertical",
}


class Commands(click.Group):
    """Loads a command's module only when it is called, so that `capflow --help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"capflow_assets.cli.{COMMANDS[name]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Bad input names the nearest command."""
        from partitions.hints import did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="capflow")
def group() -> None:
    """CapFlow: data checks, features, models and predictions for every customer of a retail CRM."""


def main() -> None:
    """Run the command line; errors that a user can mend are one line on stderr and exit code 2."""
    from capflow_assets.graph.secrets import SecretsError
    from capflow_resources.home import UnknownCustomerError
    from capflow_resources.lake import LakeError
    from capflow_resources.registry import RegistryError
    from partitions.customer_file import CustomerFileError

    try:
        sys.exit(group(standalone_mode=False))
    except click.ClickException as error:
        click.echo(f"capflow: {error.format_message()}", err=True)
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except CustomerFileError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except (UnknownCustomerError, LakeError, RegistryError, SecretsError) as error:
        click.echo(f"capflow: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
