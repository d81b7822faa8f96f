"""A passing error is retried with growing pauses, for as long as there is time; any other error is raised at once."""

import time
from itertools import pairwise

import pytest

from capflow_resources.sources.documents.paging import retry_for


def failing(times, error):
    """Return a call that fails `times` times, and the list of its calls."""
    calls = []

    def call():
        calls.append(time.monotonic())
        if len(calls) <= times:
            raise error
        return "answer"

    return call, calls


def test_a_passing_error_is_retried_after_growing_pauses():
    call, calls = failing(3, ConnectionError())
    assert retry_for(10, call, lambda error: isinstance(error, ConnectionError)) == "answer"
    pauses = [later - earlier for earlier, later in pairwise(calls)]
    for pause, longest in zip(pauses, (0.1, 0.2, 0.4), strict=True):
        assert longest / 2 <= pause < longest + 1


def test_the_error_itself_is_raised_when_the_time_is_up():
    call, calls = failing(10**6, ConnectionError("no route"))
    began = time.monotonic()
    with pytest.raises(ConnectionError, match="no route"):
        retry_for(0.5, call, lambda error: True)
    assert time.monotonic() - began < 5
    assert len(calls) > 1


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt()])
def test_any_other_error_is_raised_at_once(error):
    call, calls = failing(1, error)
    with pytest.raises(type(error)):
        retry_for(10, call, lambda error: isinstance(error, ConnectionError))
    assert len(calls) == 1
