"""The number of real words in a text, by rules that need no dictionary and no language.

"n/a", "test", "item 123", "xxxx" and stock codes are not null and still say nothing about an item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

ENOUGH_WORDS = 2
READ_LETTERS = 2000
SHORTEST, LONGEST = 3, 40
PLACEHOLDERS = (
    *("article", "asdf", "asdfgh", "blank", "brand", "category", "default", "demo", "deleted", "description", "dummy"),
    *("empty", "example", "foo", "bar", "foobar", "generic", "ipsum", "item", "items", "lorem", "misc", "missing"),
    *("name", "nan", "new", "nil", "none", "null", "placeholder", "product", "qwerty", "sample", "sku", "tba", "tbc"),
    *("tbd", "test", "testing", "text", "title", "todo", "undefined", "unknown", "untitled"),
)

_MARKUP = r"<[^<>]{0,200}>|&#?[a-z0-9]{1,10};"
_BETWEEN_TOKENS = r"[^\p{L}\p{M}\p{N}_-]+"
_LETTERS = r"^[\p{L}\p{M}]+(-[\p{L}\p{M}]+)*$"
_WITHOUT_SPACES = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"  # Thai to Chinese, as they are


def count_real_words(text: ibis.ir.StringValue) -> ibis.ir.IntegerValue:
    """Count the distinct real words of a text; the same on every engine.

    A word has 3 to 40 letters, hyphens between them allowed, and no digit; of the letters a to z one is a vowel, not
    all are the same, and it is no placeholder. In scripts without spaces two letters count as a word. Markup does not
    count, nor what comes after the first 2,000 letters.
    """
    plain = text.fill_null("").left(READ_LETTERS).lower().re_replace(_MARKUP, " ")
    tokens = plain.re_replace(_BETWEEN_TOKENS, " ").strip().split(" ")
    spaceless = plain.length() - plain.re_replace(_WITHOUT_SPACES, "").length()
    return tokens.filter(_is_word).unique().length().cast("int64") + spaceless // 2


def _is_word(token: ibis.ir.StringValue) -> ibis.ir.BooleanValue:
    lettered = token.re_search(_LETTERS) & ~token.re_search(_WITHOUT_SPACES)
    sized = (token.length() >= SHORTEST) & (token.length() <= LONGEST)
    spoken = token.re_search("[aeiouy]") | token.re_search("[^a-z-]")
    varied = token.replace(token.left(1), "").replace("-", "") != ""
    return lettered & sized & spoken & varied & ~token.isin(PLACEHOLDERS)
