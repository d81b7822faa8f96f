"""Database URLs are parsed as meant, whatever characters their secrets hold."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_resources.sources import SourceError
from capflow_resources.sources.databases.address import parse_address
from capflow_resources.sources.options import timeout_seconds
from partitions.customer import Customer, Source

SCHEMES = ("postgresql", "postgres")
CUSTOMER = Customer("acme", "gifts", "GBP", "UTC", {}, {})


def taken_apart(uri, *secrets, options=None):
    customer = replace(CUSTOMER, secrets={secret: f"${{S{number}}}" for number, secret in enumerate(secrets)})
    return parse_address(customer, Source("sales", "postgres", uri, options or {}), SCHEMES)


# The private letters of Unicode are the ones that stand for secrets.
@given(st.text(st.characters(exclude_categories=("Cs", "Co")), min_size=3).filter(lambda text: "://" not in text))
@settings(max_examples=200, deadline=None)
def test_a_secret_is_taken_as_it_is(password):
    found = taken_apart(f"postgresql://clerk:{password}@db.example.com:5433/shop?sslmode=require", password)
    assert found.password == password
    if password not in "clerk:@db.example.com:5433/shop?sslmode=require":
        assert (found.user, found.hosts, found.ports, found.path) == ("clerk", ("db.example.com",), ("5433",), "shop")
        assert found.query == {"sslmode": "require"}


def test_what_the_file_itself_says_may_be_percent_encoded():
    found = taken_apart("postgres://cl%40erk:p%2Fw@[::1]/sh%20op?options=-c%20a%3Db")
    assert (found.user, found.password, found.hosts, found.path) == ("cl@erk", "p/w", ("::1",), "sh op")
    assert found.query == {"options": "-c a=b"}


def test_a_secret_that_is_a_whole_address_is_read_like_one():
    uri = "postgresql://clerk:p%2Fw@one,two:5433/shop"
    found = taken_apart(uri, uri)
    assert (found.password, found.hosts, found.ports) == ("p/w", ("one", "two"), ("", "5433"))


@pytest.mark.parametrize(
    "uri", ["shop.db", "mysql://host/db", "postgresql://host:port/db", "postgresql://a b:c@d@e:x/"]
)
def test_what_is_no_address_is_refused_without_showing_it(uri):
    with pytest.raises(SourceError) as caught:
        taken_apart(uri)
    assert str(caught.value) == (
        "source 'sales' of 'acme': its uri is not the address of a database. Write sources.sales.uri of "
        "customers/acme.yaml like postgresql://${USER}:${PASSWORD}@host:port/database."
    )


def test_a_password_is_in_no_repr():
    assert "hush" not in repr(taken_apart("postgresql://clerk:hush@host/db"))


@pytest.mark.parametrize("seconds", [0, -1, "soon", True])
def test_a_time_limit_is_a_number_of_seconds(seconds):
    with pytest.raises(SourceError, match="timeout_seconds is not a number of seconds"):
        timeout_seconds(CUSTOMER, Source("sales", "postgres", "", {"timeout_seconds": seconds}))
    assert timeout_seconds(CUSTOMER, Source("sales", "postgres", "")) == 30
