"""Glob patterns for stores without folders: * and ? within one part of a path, ** for any number of parts."""

from __future__ import annotations

import re
from functools import cache

_SIGNS = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def matches(path: str, pattern: str) -> bool:
    """Return whether a pattern matches a path as Python's recursive glob does; names with a leading dot are hidden."""
    return _compile(pattern).fullmatch(path) is not None


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    *folders, last = pattern.split("/")
    parts = ["(?:(?!\\.)[^/]+/)*" if folder == "**" else f"{_part_regex(folder)}/" for folder in folders]
    return re.compile(
        "".join(parts) + ("(?:(?!\\.)[^/]+/)*(?!\\.)[^/]+" if last == "**" else _part_regex(last)), re.DOTALL
    )


def _part_regex(part: str) -> str:
    hidden = r"(?!\.)" if part[:1] in ("*", "?", "[") else ""
    return hidden + "".join(map(_sign_regex, _SIGNS.findall(part)))


def _sign_regex(sign: str) -> str:
    if sign.startswith("*"):
        return "[^/]*"
    if sign == "?":
        return "[^/]"
    if len(sign) > 1:  # [abc], [!abc]
        inner = sign[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"(?!/)[{'^' + inner[1:] if inner.startswith('!') else inner.replace('^', chr(92) + '^')}]"
    return re.escape(sign)
