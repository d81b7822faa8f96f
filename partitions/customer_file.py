"""The customer file: one YAML file that describes one retailer, with every mistake in it explained by its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from yaml.nodes import Node, SequenceNode

from partitions.customer import NAME_PATTERN, TIERS, Customer, Source
from partitions.embeddings_form import read_embeddings
from partitions.engine_form import read_engine
from partitions.expected_form import read_expected
from partitions.features_form import read_features
from partitions.form import Form, Problem
from partitions.hints import did_you_mean
from partitions.source_kinds import SOURCE_KINDS, SourceKind
from partitions.table_form import read_tables
from partitions.training_form import read_training

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
SHOWN = ("${CAPFLOW_HOME}",)  # no secret: where everything lies


class CustomerFileError(ValueError):
    """A customer file with mistakes: `problems` lists all of them, and the text names each on its own line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def load_customer(
    path: Path,
    environ: Mapping[str, str],
    known_models: Collection[str] = (),
    known_kinds: Mapping[str, SourceKind] = SOURCE_KINDS,
) -> Customer:
    """The retailer that a customer file describes.

    Raises CustomerFileError, which explains every mistake in the file at once.
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
    """Every mistake in a customer file, in the order of its lines; empty when it can be used.

    `environ` fills ${NAME} in sources; `known_models`, where given, is what `models` may name.
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
    within = form.expanded(keys["root"], "root") if "root" in keys else ""
    within = form.environ.get("CAPFLOW_ROOT", "").replace("{customer}", path.stem) or within  # the operator's word
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
        models=_models(form, keys.get("models"), known_models),
        thresholds=_thresholds(form, keys.get("thresholds")),
        expected=read_expected(form, keys.get("expected")),
        features=read_features(form, keys.get("features")),
        embeddings=read_embeddings(form, keys.get("embeddings"), path.parent),
        training=read_training(form, keys.get("training"), known_models),
        path=path,
        root=within,
        secrets={value: name for value, name in form.filled.items() if name not in SHOWN},
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


def _models(form: Form, node: Node | None, known: Collection[str]) -> tuple[str, ...] | None:
    if node is None or node.value == "all":
        return None
    if isinstance(node.value, str):
        form.note(node, "models must be 'all' or a list, like [churn, cltv]")
        return None
    names = form.texts(node, "models")
    if not names:
        form.note(node, "models names no model; write 'all' or a list, like [churn, cltv]")
    for item in node.value if known else ():
        if item.value and isinstance(item.value, str) and item.value not in known:
            form.note(item, f"unknown model '{item.value}'{did_you_mean(item.value, sorted(known))}")
    return tuple(dict.fromkeys(names))


def _thresholds(form: Form, node: Node | None) -> dict[str, float]:
    entries = form.entries(node, "thresholds")
    return {key: form.number(value, f"thresholds.{key}") for key, value in entries.items()}


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
        uri = form.expanded(keys.get("uri"), f"{where}.uri")
        sources[name] = Source(name, kind, uri, _options(form, keys.get("options"), where, kinds.get(kind)))
    if node is not None and not sources:
        form.note(node, "sources names no source; add one, like sales: {kind: csv, uri: ...}")
    return sources


def _options(form: Form, node: Node | None, where: str, kind: SourceKind | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in form.entries(node, f"{where}.options", kind.options if kind else None).items():
        if isinstance(value, SequenceNode):
            options[key] = tuple(form.expanded(item, f"an entry of {where}.options.{key}") for item in value.value)
            continue
        plain = form.plain(value, f"{where}.options.{key}")
        options[key] = form.expanded(value, f"{where}.options.{key}") if isinstance(plain, str) else plain
    return options
