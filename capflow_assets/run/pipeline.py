"""The pipeline: one customer through the chosen assets. A failure stops only what lies downstream of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from time import perf_counter
from typing import Any

from capflow_assets.contract.outcome import Blocked, NotAvailable, Outcome, Waiting
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.plan import MODEL_LAYERS, Step, plan

UPSTREAM = "not tried because of"
BEFORE_THE_GATE = ("raw", "validated", "validation")
OWN = ("capflow_", "partitions.")

log = logging.getLogger("capflow.progress")


def run_customer(
    run: CustomerRun, assets: Iterable[str], already: Mapping[str, str] | None = None
) -> Iterator[Outcome]:
    """Make the chosen assets of one customer in order and yield the outcome of each as soon as it is known.

    An exception in one asset becomes its outcome, with the cause. Assets that read it are not tried; all others are.
    `already` holds assets that were stopped earlier, each with its cause.
    """
    chosen = set(assets)
    stopped = dict(already or {})
    for asset, step in plan().items():
        if asset not in chosen:
            continue
        cause = next((stopped[read] for read in step.reads if read in stopped), None)
        began = perf_counter()
        outcome = (
            _make(run, step) if cause is None else Outcome(asset, "blocked", cause, {UPSTREAM: cause.split(":")[0]})
        )
        if outcome.stops:
            stopped[asset] = cause or f"{asset}: {outcome.reason}"
        if step.layer == "validated" and outcome.check is not None and not outcome.check.passed:
            outcome = replace(outcome, facts={**outcome.facts, "page": _publish_page(run, asset)})
        record_outcome(run, outcome, began)
        yield outcome


def _publish_page(run: CustomerRun, asset: str) -> str:
    """Publish the page of a customer whose table was refused, since its report will not be made; return its place."""
    publish: Callable[..., str] = import_module("capflow_assets.validation.page").publish_page
    return publish(run, but=asset)


def admit(run: CustomerRun, step: Step) -> None:
    """Let a customer through to a step: the one gate before every layer after the report.

    Raises Blocked unless validation passed on exactly the data that lies in the lake now, and NotAvailable for a model
    that the customer did not ask for.
    """
    if step.layer in MODEL_LAYERS and not run.customer.wants(step.name):
        raise NotAvailable(f"'{run.name}' did not ask for {step.name}: models in its customer file does not name it")
    if step.layer not in BEFORE_THE_GATE:
        run.require_passed()


def record_outcome(run: CustomerRun, outcome: Outcome, began: float) -> None:
    """Write an outcome to the ledger, where `capflow status` reads it, and log it for whoever watches."""
    run.home.registry.record_status(run.name, outcome.asset, outcome.status, outcome.reason, run.run_id or None)
    log.info("%s", outcome.status, extra=_log_fields(run, outcome, began))


def _make(run: CustomerRun, step: Step) -> Outcome:
    """Return a step's outcome; try once more where DuckDB 1.5 hides the cause (1 of 60 failures on two threads)."""
    outcome = _attempt(run, step)
    return _attempt(run, step) if outcome.status == "failed" and "INTERRUPT Error" in outcome.reason else outcome


def _attempt(run: CustomerRun, step: Step) -> Outcome:
    try:
        admit(run, step)
        return step.make(run)
    except Blocked as reason:
        return Outcome(step.asset, "blocked", str(reason))
    except NotAvailable as reason:
        return Outcome(step.asset, "not_available", str(reason))
    except Waiting as reason:
        return Outcome(step.asset, "waiting", str(reason))
    except BaseException as error:
        if not _is_fault(error):
            raise
        trace = run.hide(_storable(_traceback(error)))
        return Outcome(step.asset, "failed", run.hide(_explain(run, step, error)), {"traceback": trace})


def _is_fault(error: BaseException) -> bool:
    """Return whether an error fails this customer only: a library's panic or sys.exit must not end the others' run."""
    return isinstance(error, Exception | SystemExit) or type(error).__name__ == "PanicException"


def _explain(run: CustomerRun, step: Step, error: BaseException) -> str:
    """Return the cause in words. CapFlow's own errors say what to do; any other is a bug."""
    cause = _storable(f"{type(error).__name__}: {error}")
    if type(error).__module__.startswith(OWN):
        return cause
    return (
        f"{step.asset} of '{run.name}' broke by {cause}. The traceback is in the run's log. Fix the cause and run again"
    )


def _log_fields(run: CustomerRun, outcome: Outcome, began: float) -> dict[str, Any]:
    return {"customer": run.name, "outcome": outcome, "seconds": perf_counter() - began}


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))


def _storable(text: str) -> str:
    """Return text that a database accepts: a file name that is not UTF-8, or a NUL, would fail the run of everyone."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
