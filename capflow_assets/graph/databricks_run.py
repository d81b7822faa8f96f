"""Submit one run to a Databricks workspace through Dagster's Pipes client, watch it, and never leave it running."""

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

BLOCK = 1_000_000  # bytes that DBFS returns at once
OVER = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
WAITING = ("QUEUED", "PENDING", "BLOCKED", "WAITING_FOR_RETRY")
PASSING = (InternalError, TemporarilyUnavailable, TooManyRequests)
REMEDIES = {
    "CANCELED": "somebody cancelled it in Databricks: run again",
    "TIMEDOUT": "raise engine.options.run_timeout_seconds or max_workers, then run again",
    "FAILED": "see its log on that page, fix the cause, then run again",
    "INTERNAL_ERROR": "fix what that says (a quota: a smaller max_workers or another node_type_id), then run again",
}


class RunError(Exception):
    """A run in the workspace failed; the message says how, where to look and what to do."""


class Run(PipesDatabricksClient):
    """Submits one task and waits for its end; `messages` holds what it reported, also if it failed.

    A run that is ended here (Ctrl-C, Dagster's UI, a time limit, the workspace unreachable) is cancelled there.
    """

    def __init__(self, client: WorkspaceClient, settings: Settings) -> None:
        self.settings = settings
        self.number: int | None = None
        self.page = ""
        self._interrupted: DagsterExecutionInterruptedError | None = None
        volume = settings.volume.rstrip("/")
        self.inbox = _VolumeInbox(client, volume) if volume else _DbfsInbox(client)
        super().__init__(
            client=client,
            context_injector=PipesUnityCatalogVolumesContextInjector(client=client, volume_path=volume)
            if volume
            else PipesDbfsContextInjector(client=client),
            message_reader=self.inbox,
            poll_interval_seconds=settings.poll_seconds,
            forward_termination=False,  # done here for every failure, not only for an interrupt
        )

    def submit(
        self, context: dg.AssetExecutionContext, task: Mapping[str, Any], name: str, extras: Mapping[str, Any]
    ) -> None:
        """Run `task` to its end. Raises RunError, or the client's own error, if it does not succeed."""
        submit_args = {
            "run_name": name,
            "timeout_seconds": self.settings.run_timeout_seconds,
            "idempotency_token": uuid4().hex,  # a request whose answer got lost is sent again and must not run twice
        }
        self.run(
            context=context, task=jobs.SubmitTask.from_dict(dict(task)), submit_args=submit_args, extras=dict(extras)
        )
        if self._interrupted is not None:  # the library swallows it, and Dagster would continue
            raise self._interrupted

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        """What the run has reported so far."""
        return [] if self.inbox.handler is None else list(self.inbox.handler.get_custom_messages())

    def label(self) -> str:
        """Return the run's number and page, for messages."""
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
        end = _final_state(state)
        if end != "SUCCESS":
            reason = " ".join(filter(None, [state.state_message, self._task_error(run)])).strip().rstrip(".")
            raise RunError(f"{self.label()} ended as {end}: {reason or 'no reason given'}; {_remedy(end)}")

    def _extract_dagster_metadata(self, run_id: int) -> dict[str, Any]:
        return {}  # the library requests the run once more, and a lost connection would fail a run that succeeded

    def _wait(self, context: dg.OpExecutionContext | dg.AssetExecutionContext, run_id: int) -> jobs.Run:
        started_at = seen = monotonic()
        logged_state = ""
        started = False
        while True:
            run = self._get_run(run_id)
            now = monotonic()
            if run is not None and run.state is not None and run.state.life_cycle_state is not None:
                seen, state, self.page = now, run.state.life_cycle_state.value, run.run_page_url or self.page
                if state != logged_state:
                    context.log.info("Databricks run %s is %s: %s", run_id, state, self.page)
                logged_state, started = state, started or state not in WAITING
                if state in OVER:
                    return run
            self._check_limit(now - started_at, self.settings.run_timeout_seconds, "ran", "run_timeout_seconds")
            if not started:
                limit = self.settings.start_timeout_seconds
                self._check_limit(now - started_at, limit, "waited for its cluster", "start_timeout_seconds")
            self._check_limit(now - seen, self.settings.lost_seconds, "was out of reach", "lost_seconds")
            sleep(self.poll_interval_seconds)

    def _get_run(self, run_id: int) -> jobs.Run | None:
        """Return the run; None while the workspace cannot be reached, after the client's own retries."""
        try:
            return self.client.jobs.get_run(run_id)
        except PASSING:
            return None
        except DatabricksError:  # a definite answer: a retry would get the same
            raise
        except OSError:
            return None

    def _check_limit(self, seconds: float, limit: int, what: str, option: str) -> None:
        if seconds > limit:
            raise RunError(
                f"{self.label()} {what} for over {limit:,} seconds and was cancelled: "
                f"see that page, or raise engine.options.{option}, then run again"
            )

    def _cancel(self, context: dg.OpExecutionContext | dg.AssetExecutionContext, run_id: int) -> None:
        try:
            self.client.jobs.cancel_run(run_id)
        except OSError as error:
            context.log.error(
                "%s could not be cancelled (%s): cancel it there; at the latest it ends after %s seconds",
                self.label(),
                type(error).__name__,
                f"{self.settings.run_timeout_seconds:,}",
            )

    def _task_error(self, run: jobs.Run) -> str:
        """Return the task's error in one line, "" if there is none or it cannot be read."""
        try:
            tasks = [task.run_id for task in run.tasks or [] if task.run_id]
            output = self.client.jobs.get_run_output(tasks[0]) if tasks else None
        except OSError:
            return ""
        return " ".join((output.error or "").split()) if output else ""


def _final_state(state: jobs.RunState) -> str:
    """Return SUCCESS, or the state that says best what went wrong."""
    life, result = state.life_cycle_state, state.result_state
    return result.value if result and life == jobs.RunLifeCycleState.TERMINATED else life.value if life else "UNKNOWN"


def _remedy(end: str) -> str:
    return REMEDIES.get(end, "see that page, then run again")


class _DbfsInbox(PipesDbfsMessageReader):
    """Reads messages from DBFS files, each to its end: one answer holds at most 1 MB."""

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
    """Reads messages from files of a Unity Catalog volume."""

    handler: PipesMessageHandler | None = None

    def __init__(self, client: WorkspaceClient, volume: str) -> None:
        super().__init__(client=client, volume_path=volume, include_stdio_in_messages=False)

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[Mapping[str, Any]]:
        self.handler = handler
        with super().read_messages(handler) as params:
            yield params
