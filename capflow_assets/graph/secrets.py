"""Look up secrets that the environment does not hold in AWS Secrets Manager, through dagster-aws."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

from capflow_resources.home import Home

VARIABLE = "CAPFLOW_SECRETS"
SCHEME = "secretsmanager://"
ATTEMPTS = 2  # of at most 60 seconds each


class SecretsError(ValueError):
    """The secret store cannot be used; the message names the store and never a secret."""


def open_home(path: str | None = None) -> Home:
    """Open the home at `path`, whose customer files may name secrets of the store in CAPFLOW_SECRETS."""
    store = os.environ.get(VARIABLE)
    return Home(path, secret_lookup(store) if store else None)


def secret_lookup(store: str) -> Callable[[str], str | None]:
    """Return a function from a variable's NAME to the secret `<prefix>NAME`, None when there is no such secret.

    `store` is secretsmanager://<prefix>, e.g. secretsmanager://capflow/; region, endpoint and credentials are those of
    the AWS_* environment or the machine's role. Raises SecretsError.
    """
    if not store.startswith(SCHEME):
        raise SecretsError(f"{VARIABLE}='{store}' is not valid; write it like {SCHEME}capflow/")
    try:
        from dagster_aws.secretsmanager import SecretsManagerResource
    except ImportError:
        raise SecretsError(f"{VARIABLE}='{store}' needs dagster-aws: pip install 'capflow[aws]'") from None
    prefix = store.removeprefix(SCHEME)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL")
    resource = SecretsManagerResource(region_name=region, endpoint_url=endpoint, max_attempts=ATTEMPTS)

    @cache
    def get_secret(name: str) -> str | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = resource.get_client().get_secret_value(SecretId=prefix + name)
        except (BotoCoreError, ClientError, ValueError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            if code == "ResourceNotFoundException":
                return None
            raise SecretsError(
                f"AWS Secrets Manager did not return '{prefix + name}' ({code}). "
                "Check AWS_REGION, the credentials and the permission secretsmanager:GetSecretValue."
            ) from None
        return answer.get("SecretString")

    return get_secret
