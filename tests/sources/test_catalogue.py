"""The kinds of source are found late, by name; one that cannot be loaded fails alone, in one line that names it."""

import subprocess
import sys

import pytest

from capflow_assets.run.code_version import closure
from capflow_resources import sources
from capflow_resources.sources import SourceError, catalogue


@pytest.fixture
def broken(acme, tmp_path, monkeypatch):
    """Build a customer with a kind of source that the given Python text implements."""

    def build(text):
        (tmp_path / "broken_kind.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "broken_kind", raising=False)
        monkeypatch.setattr(catalogue, "kind_module", lambda kind: "broken_kind")
        return acme("csv", tmp_path / "sales.csv", {"item_id": "Item"})

    return build


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_library\n", r"kind 'csv' cannot be loaded \(ModuleNotFoundError: No module named 'no_such_li"),
        ("raise RuntimeError('first\\nsecond')\n", r"kind 'csv' cannot be loaded \(RuntimeError: first second\)"),
        ("raise SystemExit(3)\n", r"kind 'csv' cannot be loaded \(SystemExit: 3\)"),
        ("def (\n", r"kind 'csv' cannot be loaded \(SyntaxError: "),
        ("def open(*given): ...\n", r"kind 'csv' cannot be used \(broken_kind has no state and no fault\)"),
    ],
)
def test_a_kind_that_cannot_be_loaded_is_named_in_one_line(broken, con, text, said):
    customer = broken(text)
    table = customer.tables["line_items"]
    for use in (sources.fingerprint, lambda customer, table: sources.read(customer, table, con)):
        with pytest.raises(SourceError, match=said) as caught:
            use(customer, table)
        assert str(caught.value).startswith("source 'sales' of 'acme': ")
        assert "\n" not in str(caught.value)


def test_a_library_that_is_missing_when_a_kind_reads_is_named_in_one_line(broken, con):
    customer = broken(
        "def open(*given):\n    import no_such_library\n"
        "def state(*given):\n    return None\n"
        "def fault(*given):\n    return None\n"
    )
    said = (
        r"^source 'sales' of 'acme': kind 'csv' needs no_such_library, which is not installed\. Install what kind csv"
    )
    with pytest.raises(SourceError, match=said):
        sources.read(customer, customer.tables["line_items"], con)


def test_a_broken_kind_stops_no_other(acme, tmp_path, con, monkeypatch):
    monkeypatch.setitem(sys.modules, sources.kind_module("postgres"), None)
    (tmp_path / "sales.csv").write_text("Item\n17\n")
    customer = acme("csv", tmp_path / "sales.csv", {"item_id": "Item"})
    assert sources.read(customer, customer.tables["line_items"], con).count().execute() == 1
    customer = acme("postgres", "postgresql://nowhere/shop", {"item_id": "Item"})
    with pytest.raises(SourceError, match=r"kind 'postgres' cannot be loaded"):
        sources.fingerprint(customer, customer.tables["line_items"])


def test_a_kind_that_nobody_uses_is_not_imported():
    code = "import sys; from capflow_resources import sources; print(*(m for m in sys.modules if 'sources.' in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "capflow_resources.sources.catalogue" in loaded
    assert not {sources.kind_module(kind) for kind in sources.KINDS} & set(loaded)


@pytest.mark.parametrize("kind", sources.KINDS)
def test_the_code_version_of_a_raw_table_has_the_module_of_its_kind_and_of_no_other(kind):
    modules = [sources.kind_module(other).replace(".", "/") for other in sources.KINDS]
    files = {path.as_posix() for path in closure("capflow_assets.raw.asset", sources.kind_module(kind))}
    found = {module for module in modules if any(path.endswith(f"{module}.py") for path in files)}
    assert found == {sources.kind_module(kind).replace(".", "/")}
