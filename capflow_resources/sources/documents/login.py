"""User name and password in an address, as the drivers of document stores want them written."""

from __future__ import annotations

from urllib.parse import quote

from partitions.customer import Customer

_PRIVATE = 0xE000  # Unicode's private letters stand for secrets while an address is taken apart


def quote_login(customer: Customer, uri: str) -> str:
    """`uri` with user name and password percent-encoded where they came from ${NAME}, whatever signs they hold.

    What is written in the customer file itself stays as it is, and so does a value that is a whole address.
    """
    secrets = [value for value in sorted(customer.secrets, key=len, reverse=True) if "://" not in value]
    scheme, separator, rest = uri.partition("://")
    for index, value in enumerate(secrets):
        rest = rest.replace(value, chr(_PRIVATE + index))
    place, slash, path = rest.partition("/")
    login, at, host = place.rpartition("@")
    for index, value in enumerate(secrets):
        mark = chr(_PRIVATE + index)
        login = login.replace(mark, quote(value, safe=""))
        host, path = host.replace(mark, value), path.replace(mark, value)
    return f"{scheme}{separator}{login}{at}{host}{slash}{path}"
