"""Reads a YAML file key by key and notes every mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from partitions.hints import did_you_mean

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Problem:
    """One mistake in a file: which file, which line, and what to change."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Form:
    """A YAML file being read: hands out values and collects all problems instead of stopping at the first.

    `variables` maps each value that came from the environment to the ${NAME} in the file.
    """

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self.file = file
        self.environ = environ
        self.problems: list[Problem] = []
        self.variables: dict[str, str] = {}

    def note(self, node: Node | None, message: str) -> None:
        """Record a mistake at the line of `node` (line 1 for the file as a whole)."""
        self.problems.append(Problem(self.file, node.start_mark.line + 1 if node else 1, message))

    def compose(self, content: str) -> MappingNode | None:
        """Return the file's outermost mapping; None, with the problem noted, when it has none."""
        try:
            root = yaml.compose(content, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            what = getattr(error, "problem", None) or str(error).splitlines()[0]
            line = mark.line + 1 if mark else 1
            self.problems.append(Problem(self.file, line, f"this is not YAML: {what}{_yaml_hint(content, line)}"))
            return None
        if not isinstance(root, MappingNode):
            self.note(root, "the customer file must hold 'key: value' lines, starting with 'name: ...'")
            return None
        return root

    def entries(self, node: Node | None, where: str, known: Iterable[str] | None = None) -> dict[str, Node]:
        """Return the keys under `node` and their values; note duplicate keys and those that are not `known`."""
        if node is None or _is_empty(node):
            return {}
        if not isinstance(node, MappingNode):
            self.note(node, f"{where} must hold 'key: value' entries")
            return {}
        choices = list(known) if known is not None else None
        entries: dict[str, Node] = {}
        for key_node, value in node.value:
            key = self.text(key_node, f"a key under {where}")
            if not key:
                continue
            if choices is not None and key not in choices:
                self.note(key_node, f"unknown key '{key}' under {where}{did_you_mean(key, choices)}")
            elif key in entries:
                self.note(key_node, f"key '{key}' appears twice under {where}; keep one of them")
            else:
                entries[key] = value
        return entries

    def text(self, node: Node | None, where: str) -> str:
        """Return the text as written (NO, 007 and 1.10 stay so); "" with a problem noted where there is none."""
        if node is None:
            return ""
        if not isinstance(node, ScalarNode):
            self.note(node, f"{where} must be one text, not a {'list' if _is_list(node) else 'mapping'}")
        elif _is_empty(node) or not node.value.strip():
            self.note(node, f"{where} has no value")
        else:
            return str(node.value)
        return ""

    def texts(self, node: Node | None, where: str) -> tuple[str, ...]:
        """Return a list of texts, each as written."""
        if node is None or _is_empty(node):
            return ()
        if not isinstance(node, SequenceNode):
            self.note(node, f"{where} must be a list, like [a, b]")
            return ()
        return tuple(filter(None, (self.text(item, f"an entry of {where}") for item in node.value)))

    def flag(self, node: Node | None, where: str) -> bool:
        """Return true or false; False with a problem noted where it is neither."""
        value = self.scalar(node, where) if node is not None else False
        if not isinstance(value, bool):
            self.note(node, f"{where} must be true or false")
        return value is True

    def number(self, node: Node, where: str) -> float:
        """Return a number as a float; 0.0 with a problem noted where it is none."""
        value = self.scalar(node, where)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            self.note(node, f"{where} must be a number")
            return 0.0
        return float(value)

    def scalar(self, node: Node, where: str) -> Any:
        """Return a single value with YAML's own type: text, whole number, decimal number, true, false or null."""
        if not isinstance(node, ScalarNode):
            self.note(node, f"{where} must be a single value")
            return None
        if node.tag in {_TAG + name for name in ("int", "float", "bool", "null")}:
            return yaml.constructor.SafeConstructor().construct_object(node)
        return node.value

    def expand(self, node: Node | None, where: str) -> str:
        """Return a text with each ${NAME} replaced from the environment; the values never appear in a message."""
        text = self.text(node, where)
        for name in dict.fromkeys(_VARIABLE.findall(text)):
            if not self.environ.get(name):
                self.note(node, f"environment variable {name} is not set; {where} needs it")
            else:
                self.variables[self.environ[name]] = f"${{{name}}}"
        if "${" in _VARIABLE.sub("", text):
            self.note(node, f"{where} has a '${{' that is not a variable; write ${{NAME}}")
        return _VARIABLE.sub(lambda match: self.environ.get(match[1], ""), text)


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _TAG + "null"


def _is_list(node: Node) -> bool:
    return isinstance(node, SequenceNode)


def _yaml_hint(content: str, line: int) -> str:
    lines = content.splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    if re.search(r"[{\[].*[^\"'\w]\s*\$\{", text) or re.search(r"\{.*:\s*\$\{", text):
        return '; inside { } put quotes around text with ${...}: uri: "${NAME}/*.csv"'
    if "\t" in text:
        return "; indent with spaces, not with tabs"
    return ""
