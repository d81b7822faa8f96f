"""The `capflow` command. Exit 0: all done; 2: bad input, explained in one line; 3: some customers blocked or failed."""

from __future__ import annotations

import sys

import click

from capflow_assets.cli.command_folder import CommandFolder


@click.command(
    cls=CommandFolder,
    package="capflow_assets.cli.commands",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="capflow")
def group() -> None:
    """CapFlow: data checks, features, models and predictions for every customer of a retail CRM."""


def main() -> None:
    """Run the command line; an error that a user can fix is one line on stderr and exit code 2."""
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
