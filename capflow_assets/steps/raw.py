"""raw/<table>: a customer's source under canonical column names, with nothing dropped or changed."""

from __future__ import annotations

from capflow_assets.steps.code_version import code_version
from capflow_assets.steps.fresh import reuse
from capflow_assets.steps.outcome import NotAvailable, Outcome
from capflow_assets.steps.run import CustomerRun, fingerprint
from capflow_resources import sources


def load(run: CustomerRun, asset: str) -> Outcome:
    """Copy one table from its source into the lake, if the source may have changed since the last copy."""
    table = asset.removeprefix("raw/")
    mapping = run.customer.tables.get(table)
    if mapping is None:
        raise NotAvailable(f"'{run.name}' does not send {table}: tables.{table} is not in its customer file")
    state = sources.fingerprint(run.customer, mapping)
    mark = fingerprint(source=state, code=code_version(__name__, sources.__name__))
    # A source that cannot tell whether it changed is read every time.
    if state is not None and (fresh := reuse(run, asset, mark)):
        return fresh
    data = sources.read(run.customer, mapping, run.con)
    with sources.reading(run.customer, mapping):
        written = run.write(asset, data, {"fingerprint": mark, "source": mapping.source})
    return Outcome(asset, "done", facts={"rows": written.rows, "version": written.version}, fingerprint=mark)
