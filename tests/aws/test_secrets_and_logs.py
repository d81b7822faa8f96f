"""On AWS: secrets of customer files from Secrets Manager, and the logs of runs in a bucket, by dagster-aws."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from capflow_assets.graph.launch import materialise, open_instance
from capflow_assets.graph.secrets import SecretsError, open_home, secret_lookup
from capflow_resources.home import Home
from partitions.customer_file import CustomerFileError
from tests.servers.s3 import S3

SECRET = "p:w@/ %1"
FILE = """
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
sources:
  till: {kind: sqlite, uri: "${ACME_FOLDER}/${ACME_TILL}/till.db"}
tables:
  line_items: {source: till, table: sale, columns: {item_id: item, amount: paid}}
"""


@pytest.fixture
def aws(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The loopback server as the AWS of this process, with one secret."""
    for name, value in {**s3.environ, "CAPFLOW_SECRETS": "secretsmanager://capflow/"}.items():
        monkeypatch.setenv(name, value)
    import boto3

    client = boto3.client("secretsmanager", endpoint_url=s3.endpoint, region_name="us-east-1")
    client.create_secret(Name="capflow/ACME_TILL", SecretString=SECRET)
    yield s3
    client.delete_secret(SecretId="capflow/ACME_TILL", ForceDeleteWithoutRecovery=True)


@pytest.fixture
def acme(home: Home, aws: S3, monkeypatch: pytest.MonkeyPatch) -> Home:
    home.customers_folder.mkdir(parents=True)
    (home.customers_folder / "acme.yaml").write_text(FILE, encoding="utf-8")
    monkeypatch.setenv("ACME_FOLDER", "/data")
    return open_home(str(home.path))


def test_a_customer_file_names_a_secret_that_the_environment_does_not_hold(acme: Home) -> None:
    customer = acme.customer("acme")
    assert customer.sources["till"].uri == f"/data/{SECRET}/till.db"
    assert SECRET not in customer.hide(customer.sources["till"].uri)
    assert SECRET not in repr(customer).replace(customer.sources["till"].uri, "")


def test_the_environment_comes_first(acme: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TILL", "mine")
    assert acme.customer("acme").sources["till"].uri == "/data/mine/till.db"


def test_a_secret_that_is_nowhere_is_a_mistake_of_the_file(acme: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_FOLDER")
    with pytest.raises(CustomerFileError, match="environment variable ACME_FOLDER is not set"):
        acme.customer("acme")


def test_a_store_that_refuses_is_told_without_a_secret(aws: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(SecretsError, match=r"did not return 'capflow/ANY' \(EndpointConnectionError\).*permission"):
        secret_lookup("secretsmanager://capflow/")("ANY")
    with pytest.raises(SecretsError, match="write it like secretsmanager://capflow/"):
        secret_lookup("vault://capflow/")


def test_the_logs_of_a_run_lie_in_the_bucket(
    home: Home, aws: S3, onboard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import boto3

    client = boto3.client("s3", endpoint_url=aws.endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="logs")
    monkeypatch.setenv("CAPFLOW_COMPUTE_LOGS", "s3://logs/capflow")
    onboard("ann")
    runs = materialise(home, ["ann"], ["raw/line_items"])
    assert list(runs.values()) == [""]
    with open_instance(home) as storage:
        assert type(storage.compute_log_manager).__name__ == "S3ComputeLogManager"
    kept = [entry["Key"] for entry in client.list_objects_v2(Bucket="logs", Prefix="capflow/")["Contents"]]
    assert [key for key in kept if next(iter(runs)) in key]
