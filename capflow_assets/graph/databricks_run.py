"""One run in a Databricks workspace through Dagster's Pipes client: submitted, watched, and never left running."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.pipes.context import PipesMessageHandler  # internal: dg.PipesMessageReader names it
from dagster_databricks import PipesDatabricksClient, PipesDbfsContextInjector, PipesDbfsMessageReader
from dagster_databricks.pipes import PipesUnityCatalogVolumesContextInjector, PipesUnityCatalogVolumesMessageReader
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InternalError, TemporarilyUnavailable, TooManyRequests
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service import jobs

from capflow_resources.engines.databricks import Settings

BLOCK = 1_000_000  # bytes that DBFS hands out at once
OVER = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
WAITING = ("QUEUED", "PENDING", "BLOCKED", "WAITING_FOR_RETRY")
PASSING = (InternalError, TemporarilyUnavailable, TooManyRequests)
REMEDIES = {
    "CANCELED": "somebody cancelled it in Databricks: run again",
    "TIMEDOUT": "raise engine.options.run_timeout_seconds or max_workers, then run again",
    "FAILED": "see its log on that page, mend the cause, then run again",
    "INTERNAL_ERROR": "mend what that says (a quota: a smaller max_workers or another node_type_id), then run again",
}


class RunError(Exception):
    """A run in the workspace did not come to a good end; the text says how, where to look and what to do."""


class Run(PipesDatabricksClient):
    """Submits one task and waits for its end; `messages` are what it has reported, whatever its end was.

    A run that is ended here (Ctrl-C, Dagster's UI, a time limit, the workspace out of reach) is cancelled there.
    """

    def __init__(self, client: WorkspaceClient, asked: Settings) -> None:
        self.asked = asked
        self.number: int | None = None
        self.page = ""
        self._interrupted: DagsterExecutionInterruptedError | None = None
        volume = asked.volume.rstrip("/")
        self.inbox = _VolumeInbox(client, volume) if volume else _DbfsInbox(client)
        super().__init__(
            client=client,
            context_injector=PipesUnityCatalogVolumesContextInjector(client=client, volume_path=volume)
            if volume
            else PipesDbfsContextInjector(client=client),
            message_reader=self.inbox,
            poll_interval_seconds=asked.poll_seconds,
            forward_termination=False,  # done here, for every end and not only for an interrupt
        )

    def submit(
        self, context: dg.AssetExecutionContext, task: Mapping[str, Any], name: str, extras: Mapping[str, Any]
    ) -> None:
        """Run `task` to its end; RunError or the client's own error when that is not a good one."""
        submitted = {
            "run_name": name,
            "timeout_seconds": self.asked.run_timeout_seconds,
            "idempotency_token": uuid4().hex,  # a request whose answer got lost is sent again, and must not run twice
        }
        self.run(
            context=context, task=jobs.SubmitTask.from_dict(dict(task)), submit_args=submitted, extras=dict(extras)
        )
        if self._interrupted is not None:  # the library swallows it, and Dagster would go on
            raise self._interrupted

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        """What the run has reported so far."""
        return [] if self.inbox.handler is None else list(self.inbox.handler.get_custom_messages())

    def called(self) -> str:
        """The run by its number and page."""
        return f"Databricks run {self.number}" + (f" ({self.page})" if self.page else "")

    def _poll_til_success(self, context: dg.OpExecutionContext | dg.AssetExecutionContext, run_id: int) -> None:
        self.number = run_id
        try:
            run = self._wait(context, run_id)
        except BaseException as error:
            self._cancel(context, run_id)
            if isinstance(error, DagsterExecutionInterruptedError):
                self._interrupted = error
            raise
        state = run.state
        assert state is not None
        end = _end(state)
        if end != "SUCCESS":
            said = " ".join(filter(None, [state.state_message, self._fault(run)])).strip().rstrip(".")
            raise RunError(f"{self.called()} ended as {end}: {said or 'no reason given'}; {_remedy(end)}")

    def _extract_dagster_metadata(self, run_id: int) -> dict[str, Any]:
        return {}  # the library asks for the run once more, and a lost connection would lose a run that ended well

    def _wait(self, context: dg.OpExecutionContext | dg.AssetExecutionContext, run_id: int) -> jobs.Run:
        began = seen = monotonic()
        shown = ""
        started = False
        while True:
            run = self._ask(run_id)
            now = monotonic()
            if run is not None and run.state is not None and run.state.life_cycle_state is not None:
                seen, state, self.page = now, run.state.life_cycle_state.value, run.run_page_url or self.page
                if state != shown:
                    context.log.info("Databricks run %s is %s: %s", run_id, state, self.page)
                shown, started = state, started or state not in WAITING
                if state in OVER:
                    return run
            self._limit(now - began, self.asked.run_timeout_seconds, "ran", "run_timeout_seconds")
            if not started:
                self._limit(
                    now - began, self.asked.start_timeout_seconds, "waited for its cluster", "start_timeout_seconds"
                )
            self._limit(now - seen, self.asked.lost_seconds, "was out of reach", "lost_seconds")
            sleep(self.poll_interval_seconds)

    def _ask(self, run_id: int) -> jobs.Run | None:
        """The run; None when the workspace cannot be reached at the moment, after the client's own attempts."""
        try:
            return self.client.jobs.get_run(run_id)
        except PASSING:
            return None
        except DatabricksError:  # an answer, and asking again would get the same
            raise
        except OSError:
            return None

    def _limit(self, seconds: float, limit: int, what: str, option: str) -> None:
        if seconds > limit:
            raise RunError(
                f"{self.called()} {what} for over {limit:,} seconds and was cancelled: "
                f"see that page, or raise engine.options.{option}, then run again"
            )

    def _cancel(self, context: dg.OpExecutionContext | dg.AssetExecutionContext, run_id: int) -> None:
        try:
            self.client.jobs.cancel_run(run_id)
        except OSError as error:
            context.log.error(
                "%s could not be cancelled (%s): cancel it there; at the latest it ends after %s seconds",
                self.called(),
                type(error).__name__,
                f"{self.asked.run_timeout_seconds:,}",
            )

    def _fault(self, run: jobs.Run) -> str:
        """The last line of what the task threw."""
        try:
            tasks = [task.run_id for task in run.tasks or [] if task.run_id]
            output = self.client.jobs.get_run_output(tasks[0]) if tasks else None
        except OSError:
            return ""
        return " ".join((output.error or "").split()) if output else ""


def _end(state: jobs.RunState) -> str:
    """SUCCESS, or the word that says best what went wrong."""
    life, result = state.life_cycle_state, state.result_state
    return result.value if result and life == jobs.RunLifeCycleState.TERMINATED else life.value if life else "UNKNOWN"


def _remedy(end: str) -> str:
    return REMEDIES.get(end, "see that page, then run again")


class _DbfsInbox(PipesDbfsMessageReader):
    """Messages as files of DBFS, each read to its end: one answer holds at most 1 MB of it."""

    handler: PipesMessageHandler | None = None

    def __init__(self, client: WorkspaceClient) -> None:
        super().__init__(client=client)

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[Mapping[str, Any]]:
        self.handler = handler
        with super().read_messages(handler) as params:
            yield params

    def download_messages_chunk(self, index: int, params: Mapping[str, Any]) -> str | None:
        try:
            return b"".join(self._blocks(f"{params['path']}/{index}.json")).decode() or None
        except OSError:  # not there yet
            return None

    def _blocks(self, path: str) -> Iterator[bytes]:
        offset, read = 0, BLOCK
        while read == BLOCK:
            answer = self.dbfs_client.read(path, length=BLOCK, offset=offset)
            read = answer.bytes_read or 0
            offset += read
            yield base64.b64decode(answer.data or "")


class _VolumeInbox(PipesUnityCatalogVolumesMessageReader):
    """Messages as files of a Unity Catalog volume."""

    handler: PipesMessageHandler | None = None

    def __init__(self, client: WorkspaceClient, volume: str) -> None:
        super().__init__(client=client, volume_path=volume, include_stdio_in_messages=False)

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[Mapping[str, Any]]:
        self.handler = handler
        with super().read_messages(handler) as params:
            yield params
