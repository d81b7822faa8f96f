"""Reads the customer file, which describes one retailer, and explains every mistake in it by its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from yaml.nodes import Node, SequenceNode

from partitions.customer import NAME_PATTERN, TIERS, Customer, Expected, Source
from partitions.embeddings_form import read_embeddings
from partitions.engine_form import read_engine
from partitions.form import Form, Problem
from partitions.hints import did_you_mean
from partitions.models_form import read_features, read_models, read_training
from partitions.source_kinds import SOURCE_KINDS, SourceKind
from partitions.table_form import read_tables

REQUIRED_KEYS = ("name", "vertical", "currency", "timezone", "sources", "tables")
OPTIONAL_KEYS = (
    "tier",
    "engine",
    "models",
    "root",
    "thresholds",
    "expected",
    "features",
    "embeddings",
    "training",
    "destinations",
)
KEYS = (*REQUIRED_KEYS, *OPTIONAL_KEYS)
EXPECTED_KEYS = ("from", "figures", "why")
PUBLIC_VARIABLES = ("${CAPFLOW_HOME}",)  # no secret: where everything lies


class CustomerFileError(ValueError):
    """A customer file with mistakes: `problems` lists all of them; the text has one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def load_customer(
    path: Path,
    environ: Mapping[str, str],
    known_models: Collection[str] = (),
    known_kinds: Mapping[str, SourceKind] = SOURCE_KINDS,
) -> Customer:
    """Return the retailer that a customer file describes.

    Arguments as in check_customer_file. Raises CustomerFileError, which explains every mistake in the file at once.
    """
    customer, problems = _read(path, environ, known_models, known_kinds)
    if customer is None or problems:
        raise CustomerFileError(problems)
    return customer


def check_customer_file(
    path: Path,
    environ: Mapping[str, str],
    known_models: Collection[str] = (),
    known_kinds: Mapping[str, SourceKind] = SOURCE_KINDS,
) -> list[Problem]:
    """Return every mistake in a customer file, in the order of its lines; empty when it can be used.

    `environ` fills ${NAME} in sources; `known_models`, unless empty, is what `models` may name; `known_kinds` are the
    kinds of source.
    """
    return _read(path, environ, known_models, known_kinds)[1]


def _read(
    path: Path, environ: Mapping[str, str], known_models: Collection[str], known_kinds: Mapping[str, SourceKind]
) -> tuple[Customer | None, list[Problem]]:
    form = Form(f"{path.parent.name}/{path.name}", environ)
    try:
        root = form.compose(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        form.note(None, f"there is no such file in {path.parent}; add it with 'capflow customer add'")
        return None, form.problems
    except (OSError, UnicodeDecodeError) as error:
        form.note(None, f"the file cannot be read ({type(error).__name__}); save it as UTF-8 text that you may read")
        return None, form.problems
    if root is None:
        return None, form.problems
    customer = _customer(form, root, path, known_models, known_kinds)
    return customer, sorted(form.problems, key=lambda problem: problem.line)


def _customer(
    form: Form, root: Node, path: Path, known_models: Collection[str], known_kinds: Mapping[str, SourceKind]
) -> Customer:
    keys = form.entries(root, "the customer file", KEYS)
    for key in REQUIRED_KEYS:
        if key not in keys:
            form.note(None, f"'{key}' is missing; add '{key}: ...' to the customer file")
    sources = _sources(form, keys.get("sources"), known_kinds)
    allowed_root = form.expand(keys["root"], "root") if "root" in keys else ""
    # The operator's setting goes before the file's.
    allowed_root = form.environ.get("CAPFLOW_ROOT", "").replace("{customer}", path.stem) or allowed_root
    _refuse_destinations(form, keys.get("destinations"))
    return Customer(
        name=_name(form, keys.get("name"), path.stem),
        vertical=form.text(keys.get("vertical"), "vertical"),
        currency=_currency(form, keys.get("currency")),
        timezone=_timezone(form, keys.get("timezone")),
        sources=sources,
        tables=read_tables(form, keys.get("tables"), sources, known_kinds, check_timezone),
        tier=_choice(form, keys.get("tier"), "tier", TIERS, "silver"),
        engine=read_engine(form, keys.get("engine")),
        models=read_models(form, keys.get("models"), known_models),
        thresholds=_thresholds(form, keys.get("thresholds")),
        expected=_changes(form, keys.get("expected")),
        features=read_features(form, keys.get("features")),
        embeddings=read_embeddings(form, keys.get("embeddings"), path.parent),
        training=read_training(form, keys.get("training"), known_models),
        path=path,
        root=allowed_root,
        secrets={value: name for value, name in form.variables.items() if name not in PUBLIC_VARIABLES},
    )


def _name(form: Form, node: Node | None, stem: str) -> str:
    name = form.text(node, "name")
    if name and not re.fullmatch(NAME_PATTERN, name):
        form.note(node, f"name '{name}' may hold only a-z, 0-9, '-' and '_', start with a letter or digit, up to 63")
    elif name and name != stem:
        form.note(node, f"name '{name}' differs from the file's name '{stem}'; make both the same")
    return name


def _currency(form: Form, node: Node | None) -> str:
    currency = form.text(node, "currency")
    if currency and not re.fullmatch(r"[A-Z]{3}", currency):
        form.note(node, f"currency '{currency}' must be three capital letters, like GBP")
    return currency


def _timezone(form: Form, node: Node | None) -> str:
    name = form.text(node, "timezone")
    check_timezone(form, node, name)
    return name


def check_timezone(form: Form, node: Node | None, name: str) -> None:
    """Note a time zone that does not exist, with the nearest one that does."""
    if name and name not in _timezones():
        hint = did_you_mean(name, sorted(_timezones()), otherwise="; write it like Europe/London")
        form.note(node, f"time zone '{name}' does not exist{hint}")


@cache
def _timezones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones() - {"Factory", "localtime"})


def _choice(form: Form, node: Node | None, key: str, choices: tuple[str, ...], default: str) -> str:
    if node is None:
        return default
    value = form.text(node, key)
    if value and value not in choices:
        form.note(node, f"unknown {key} '{value}'{did_you_mean(value, choices)}")
    return value


def _thresholds(form: Form, node: Node | None) -> dict[str, float]:
    entries = form.entries(node, "thresholds")
    return {key: form.number(value, f"thresholds.{key}") for key, value in entries.items()}


def _changes(form: Form, node: Node | None) -> tuple[Expected, ...]:
    """Read the real changes in the business, like [{from: 2026-03-01, why: new tills}].

    The days after such a change are not compared with the days before it.
    """
    if node is None or (node.value in ("", "null", "~")):
        return ()
    if not isinstance(node, SequenceNode):
        form.note(node, 'expected must be a list, like [{from: 2026-03-01, why: "new tills"}]')
        return ()
    entries = [_change(form, item) for item in node.value]
    return tuple(entry for entry in entries if entry is not None)


def _change(form: Form, node: Node) -> Expected | None:
    keys = form.entries(node, "expected", EXPECTED_KEYS)
    for key in ("from", "why"):
        if key not in keys:
            form.note(node, f"an entry of expected has no '{key}'; write it like {{from: 2026-03-01, why: new tills}}")
    why, since = form.text(keys.get("why"), "expected.why"), form.text(keys.get("from"), "expected.from")
    figures = form.texts(keys.get("figures"), "expected.figures")
    try:
        return Expected(date.fromisoformat(since), why, figures) if since else None
    except ValueError:
        form.note(keys["from"], f"expected.from '{since}' is not a date; write it like 2026-03-01")
        return None


def _refuse_destinations(form: Form, node: Node | None) -> None:
    if node is not None and node.value:
        form.note(node, "destinations are not supported yet; leave the list empty: destinations: []")


def _sources(form: Form, node: Node | None, kinds: Mapping[str, SourceKind]) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for name, entry in form.entries(node, "sources").items():
        where = f"sources.{name}"
        keys = form.entries(entry, where, ("kind", "uri", "options"))
        for key in ("kind", "uri"):
            if key not in keys:
                form.note(entry, f"{where} has no '{key}'; add '{key}: ...'")
        kind = form.text(keys.get("kind"), f"{where}.kind")
        if kind and kind not in kinds:
            form.note(keys["kind"], f"unknown kind of source '{kind}'{did_you_mean(kind, kinds)}")
        uri = form.expand(keys.get("uri"), f"{where}.uri")
        sources[name] = Source(name, kind, uri, _options(form, keys.get("options"), where, kinds.get(kind)))
    if node is not None and not sources:
        form.note(node, "sources lists no source; add one, like sales: {kind: csv, uri: ...}")
    return sources


def _options(form: Form, node: Node | None, where: str, kind: SourceKind | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in form.entries(node, f"{where}.options", kind.options if kind else None).items():
        if isinstance(value, SequenceNode):
            options[key] = tuple(form.expand(item, f"an entry of {where}.options.{key}") for item in value.value)
            continue
        scalar = form.scalar(value, f"{where}.options.{key}")
        options[key] = form.expand(value, f"{where}.options.{key}") if isinstance(scalar, str) else scalar
    return options
