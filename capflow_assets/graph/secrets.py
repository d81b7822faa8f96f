"""Secrets that the environment does not hold, asked of AWS Secrets Manager through dagster-aws."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

from capflow_resources.home import Home

VARIABLE = "CAPFLOW_SECRETS"
SCHEME = "secretsmanager://"
ATTEMPTS = 2  # of at most 60 seconds each


class SecretsError(ValueError):
    """The place that secrets are asked from cannot be used; the message names it and never a secret."""


def open_home(path: str | None = None) -> Home:
    """The home at `path`, whose customer files may name secrets of the store in CAPFLOW_SECRETS."""
    place = os.environ.get(VARIABLE)
    return Home(path, lookup(place) if place else None)


def lookup(place: str) -> Callable[[str], str | None]:
    """A function from a variable's NAME to the secret `<prefix>NAME`, None when there is no such secret.

    `place` is secretsmanager://<prefix>, e.g. secretsmanager://capflow/; region, endpoint and credentials are those of
    the AWS_* environment or the machine's role. Raises SecretsError.
    """
    if not place.startswith(SCHEME):
        raise SecretsError(f"{VARIABLE}='{place}' is not understood; write it like {SCHEME}capflow/")
    try:
        from dagster_aws.secretsmanager import SecretsManagerResource
    except ImportError:
        raise SecretsError(f"{VARIABLE}='{place}' needs dagster-aws: pip install 'capflow[aws]'") from None
    prefix = place.removeprefix(SCHEME)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL")
    resource = SecretsManagerResource(region_name=region, endpoint_url=endpoint, max_attempts=ATTEMPTS)

    @cache
    def found(name: str) -> str | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = resource.get_client().get_secret_value(SecretId=prefix + name)
        except (BotoCoreError, ClientError, ValueError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            if code == "ResourceNotFoundException":
                return None
            raise SecretsError(
                f"AWS Secrets Manager did not give '{prefix + name}' ({code}). "
                "Check AWS_REGION, the credentials and the permission secretsmanager:GetSecretValue."
            ) from None
        return answer.get("SecretString")

    return found
