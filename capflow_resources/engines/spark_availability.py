"""Checks, with a time limit and before any work, that a remote Spark answers and has workers."""

from __future__ import annotations

import socket
from threading import Event, Thread
from typing import TYPE_CHECKING

from capflow_resources.engines.errors import EngineError, error_message
from partitions.customer import Customer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def require_answer(customer: Customer, url: str, seconds: float) -> None:
    """Raise EngineError unless the master or the Connect server at `url` accepts a connection within `seconds`."""
    if url.startswith("local"):
        return
    answers = _connect_answers if url.startswith("sc://") else _master_answers
    if not answers(url, seconds):
        what = "Spark Connect server" if url.startswith("sc://") else "Spark master"
        raise _error(customer, url, f"no {what} answers in {seconds:g} seconds", "Start it, or correct engine.url")


def require_workers(customer: Customer, url: str, session: SparkSession, seconds: float) -> None:
    """Raise EngineError unless a first small job ends within `seconds`: Spark itself waits for workers for ever."""
    if url.startswith("local"):
        return
    cancel = session.interruptAll if url.startswith("sc://") else session.sparkContext.cancelAllJobs
    done, is_late = Event(), Event()

    def give_up() -> None:
        while not done.wait(1 if is_late.is_set() else seconds):  # repeatedly: the job may not have begun yet
            is_late.set()
            cancel()

    Thread(target=give_up, daemon=True).start()
    try:
        session.range(1).count()
    except Exception as error:
        session.stop()
        if not is_late.is_set():
            raise _error(
                customer, url, f"its first job failed: {error_message(error)}", "See the cluster's log"
            ) from None
        remedy = "Add workers or free some, or ask for less (spark.executor.memory, spark.executor.cores)"
        raise _error(customer, url, f"no worker takes a job in {seconds:g} seconds", remedy) from None
    finally:
        done.set()


def _error(customer: Customer, url: str, what: str, remedy: str) -> EngineError:
    message = f"engine spark of '{customer.name}' at {url}: {what.rstrip('. ')}. {remedy} ({customer.path})"
    return EngineError(customer.hide(message))


def _master_answers(url: str, seconds: float) -> bool:
    masters = [place.rpartition(":") for place in url.removeprefix("spark://").split(",")]
    return any(_accepts_connection(host.strip("[]"), int(port), seconds / len(masters)) for host, _, port in masters)


def _accepts_connection(host: str, port: int, seconds: float) -> bool:
    try:
        socket.create_connection((host, port), seconds).close()
    except OSError:
        return False
    return True


def _connect_answers(url: str, seconds: float) -> bool:
    import grpc  # type: ignore[import-untyped]
    from pyspark.sql.connect.client import DefaultChannelBuilder

    channel = DefaultChannelBuilder(url).toChannel()
    try:
        grpc.channel_ready_future(channel).result(seconds)
    except grpc.FutureTimeoutError:
        return False
    finally:
        channel.close()
    return True
