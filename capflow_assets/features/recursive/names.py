"""Names that read back as sentences: from a definition to its name and back, and both in words."""

from __future__ import annotations

from collections.abc import Iterator

from capflow_assets.features.recursive.definitions import (
    Aggregate,
    Definition,
    LookUp,
    Ratio,
    SourceColumn,
    Transform,
    is_nested,
)
from capflow_assets.features.recursive.primitives import AGGREGATIONS, TRANSFORMS
from capflow_assets.features.recursive.relationships import ENTITIES, children, field, parents

USER = "the user's"


def name(definition: Definition) -> str:
    """Return the column's name: mean_of_sum_of_amount_of_line_items_per_bill."""
    match definition:
        case SourceColumn(_, column):
            return column
        case LookUp(_, operand):
            return f"{name(operand)}_of_its_{ENTITIES[operand.entity].singular}"
        case Transform(primitive, operand):
            return TRANSFORMS[primitive].prefix + name(operand)
        case Ratio(above, below):
            return f"ratio_of_{name(above)}_to_{name(below)}"
        case Aggregate(_, primitive, child, operand):
            if operand is None:
                return f"{primitive}_of_{child}"
            within = f"per_{ENTITIES[child].singular}" if is_nested(operand) else f"of_{child}"
            return f"{primitive}_of_{name(operand)}_{within}"
    raise AssertionError(f"{definition} is no definition")


def parse(text: str) -> Definition:
    """Return the definition of a user's feature of that name; ValueError if the name is unknown."""
    for definition in _parse(text, "users"):
        return definition
    raise ValueError(f"'{text}' is not the name of a recursive feature: see capflow_assets/features/recursive/names.py")


def sentence(definition: Definition, owner: str = USER) -> str:
    """Describe the feature in words: the average, over the user's bills, of the sum of amounts of their line items."""
    match definition:
        case Transform(primitive, operand) if TRANSFORMS[primitive].of_features:
            return TRANSFORMS[primitive].word.format(what=sentence(operand, owner))
        case Ratio(above, below):
            return f"{sentence(above, owner)}, divided by {sentence(below, owner)}"
        case Aggregate(_, primitive, child, operand):
            rows = f"{owner} {ENTITIES[child].plural}"
            told = AGGREGATIONS[primitive]
            if operand is None:
                return told.told.format(rows=rows)
            if is_nested(operand):
                return told.told_nested.format(rows=rows, what=sentence(operand, "their"))
            word, words = _words(operand)
            return told.told.format(rows=rows, word=word, words=words)
    return f"{owner} {_words(definition)[0]}"


def phrase(definition: Definition) -> str:
    """Describe the feature and its value to a merchandiser, with {value} to be filled in."""
    told = sentence(definition).replace("{", "{{").replace("}", "}}")
    return f"{told} is {{value:,.4g}}"


def _words(definition: Definition) -> tuple[str, str]:
    """Return the noun of one row and of many: "amount", "amounts"."""
    match definition:
        case SourceColumn():
            return definition.declared.word, definition.declared.words
        case LookUp(_, operand):
            one, many = _words(operand)
            item = ENTITIES[operand.entity].singular
            return f"{item} {one}", f"{item} {many}"
        case Transform(primitive, operand):
            one, many = _words(operand)
            told = TRANSFORMS[primitive]
            return told.word.format(word=one, words=many), told.words.format(word=one, words=many)
    raise AssertionError(f"{definition} is no value of one row")


def _parse(text: str, entity: str) -> Iterator[Definition]:
    """Yield every definition of `entity` that has that name, the simplest first."""
    if field(entity, text) is not None:
        yield SourceColumn(entity, text)
    yield from _parse_look_ups(text, entity)
    yield from _parse_aggregates(text, entity)
    for primitive, transform in TRANSFORMS.items():
        if text.startswith(transform.prefix):
            for operand in _parse(text.removeprefix(transform.prefix), entity):
                yield Transform(primitive, operand)
    if text.startswith("ratio_of_"):
        yield from _parse_ratios(text.removeprefix("ratio_of_"), entity)


def _parse_look_ups(text: str, entity: str) -> Iterator[Definition]:
    for link in parents(entity):
        ending = f"_of_its_{ENTITIES[link.parent].singular}"
        if text.endswith(ending) and field(link.parent, column := text.removesuffix(ending)) is not None:
            yield LookUp(entity, SourceColumn(link.parent, column))


def _parse_aggregates(text: str, entity: str) -> Iterator[Definition]:
    for link in children(entity):
        if text == f"count_of_{link.child}":
            yield Aggregate(entity, "count", link.child)
        for primitive in (known for known, told in AGGREGATIONS.items() if told.takes):
            for ending, nested in ((f"_of_{link.child}", False), (f"_per_{ENTITIES[link.child].singular}", True)):
                if text.startswith(f"{primitive}_of_") and text.endswith(ending):
                    within = text.removeprefix(f"{primitive}_of_").removesuffix(ending)
                    for operand in _parse(within, link.child):
                        if is_nested(operand) == nested:
                            yield Aggregate(entity, primitive, link.child, operand)


def _parse_ratios(text: str, entity: str) -> Iterator[Definition]:
    parts = text.split("_to_")
    for cut in range(1, len(parts)):
        for above in _parse("_to_".join(parts[:cut]), entity):
            for below in _parse("_to_".join(parts[cut:]), entity):
                yield Ratio(above, below)
