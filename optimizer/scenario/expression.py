"""The grammar of filter expressions: text becomes a tree of conditions, by our own parser, never ``eval``.

    or_     := and_ ("or" and_)*
    and_    := not_ ("and" not_)*
    not_    := "not" not_ | atom
    atom    := "(" or_ ")" | operand [comparison]
    comparison := ("==" | "=" | "!=" | "<" | "<=" | ">" | ">=") operand
                | ["not"] "in" ("[" literal, … "]" | "(" literal, … ")" | column)
                | "has" literal
    operand := column | literal
    literal := number | date (2026-03-05) | "text" | 'text' | true | false
    column  := name | customer.name | activity.name | `any name`

A column alone is true where it is true (or a number other than 0). Keywords may be written in capitals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

#: What a filter compares with.
Literal = str | float | int | bool | date
#: Deeper nesting is refused: it is no planner's, and recursion has an end.
_DEEPEST = 50

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<date>\d{4}-\d{2}-\d{2}(?![\w.]))
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<text>"(?:[^"]|"")*"|'(?:[^']|'')*')
    | (?P<quoted>`[^`]+`)
    | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
    | (?P<sign>==|!=|<>|<=|>=|<|>|=|\(|\)|\[|\]|,)
    )""",
    re.VERBOSE,
)
_SIGNS = {"=": "==", "<>": "!="}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_KEYWORDS = frozenset({"and", "or", "not", "in", "has", "true", "false"})


@dataclass(frozen=True)
class Compare:
    """Column against a literal."""

    column: str
    sign: str
    value: Literal


@dataclass(frozen=True)
class CompareColumns:
    """Column against column."""

    left: str
    sign: str
    right: str


@dataclass(frozen=True)
class In:
    """Column among literals (or, ``negated``, filled and not among them)."""

    column: str
    values: tuple[Literal, ...]
    negated: bool = False


@dataclass(frozen=True)
class Has:
    """A list column that holds a literal; text counts as a ``;``-separated list."""

    column: str
    value: Literal


@dataclass(frozen=True)
class Truth:
    """A column that is true, or a number other than 0."""

    column: str


@dataclass(frozen=True)
class Not:
    """The opposite."""

    inner: Node


@dataclass(frozen=True)
class And:
    """All of them; none at all is true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """Any of them."""

    parts: tuple[Node, ...]


Node = Compare | CompareColumns | In | Has | Truth | Not | And | Or


class ExpressionError(ValueError):
    """An expression that does not parse: where, and what was expected."""

    def __init__(self, position: int, expectation: str) -> None:
        self.position, self.expectation = position, expectation
        super().__init__(f"at character {position + 1}: {expectation}")


@dataclass(frozen=True)
class _Token:
    kind: str  # "date", "number", "text", "column", "sign", "keyword", "end"
    text: str
    position: int


def parse_expression(text: str) -> Node:
    """Parse an expression.

    Raises
    ------
    ExpressionError
        With the position and what was expected there.
    """
    parser = _Parser(_tokens(text))
    node = parser.either(0)
    token = parser.token
    if token.kind != "end":
        raise ExpressionError(token.position, f"expected and, or or the end, found {token.text!r}")
    return node


def parse_literal(text: str) -> Literal:
    """The literal after a comparison sign in a mapping; text needs no quotes there."""
    text = text.strip()
    try:
        tokens = _tokens(text)
    except ExpressionError:
        return text
    value = _literal(tokens[0]) if len(tokens) == 2 else None
    return text if value is None else value


def columns_of(node: Node) -> frozenset[str]:
    """The columns a condition names."""
    if isinstance(node, Compare | In | Has | Truth):
        return frozenset({node.column})
    if isinstance(node, CompareColumns):
        return frozenset({node.left, node.right})
    if isinstance(node, Not):
        return columns_of(node.inner)
    return frozenset().union(*(columns_of(part) for part in node.parts))


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            unit = text[start]
            hint = "close the quotes" if unit in "\"'`" else f"{unit!r} is not part of an expression"
            raise ExpressionError(start, hint)
        kind, raw = match.lastgroup, match[match.lastgroup]
        start = match.start(kind)
        if kind == "quoted":
            found.append(_Token("column", raw[1:-1], start))
        elif kind == "name" and raw.lower() in _KEYWORDS:
            found.append(_Token("keyword", raw.lower(), start))
        elif kind == "name":
            found.append(_Token("column", raw, start))
        elif kind == "text":
            found.append(_Token("text", raw[1:-1].replace(raw[0] * 2, raw[0]), start))
        else:
            found.append(_Token(kind, _SIGNS.get(raw, raw), start))
        position = match.end()
    found.append(_Token("end", "the end", len(text)))
    return found


def _literal(token: _Token) -> Literal | None:
    if token.kind == "text":
        return token.text
    if token.kind == "number":
        return int(token.text) if re.fullmatch(r"[-+]?\d+", token.text) else float(token.text)
    if token.kind == "date":
        try:
            return date.fromisoformat(token.text)
        except ValueError:
            raise ExpressionError(token.position, f"{token.text} is no date of the calendar") from None
    return token.text == "true" if token.kind == "keyword" and token.text in ("true", "false") else None


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> bool:
        """Step over a sign or keyword if it stands here."""
        here = self.token.kind in ("sign", "keyword") and self.token.text in texts
        self.at += here
        return here

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise ExpressionError(self.token.position, f"expected {text!r}, found {self.token.text!r}")

    def either(self, depth: int) -> Node:
        parts = [self.both(depth)]
        while self.take("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self, depth: int) -> Node:
        parts = [self.negated(depth)]
        while self.take("and"):
            parts.append(self.negated(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negated(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise ExpressionError(self.token.position, f"nested more than {_DEEPEST} deep; split it")
        if self.take("not"):
            return Not(self.negated(depth + 1))
        if self.take("("):
            inner = self.either(depth + 1)
            self.expect(")")
            return inner
        return self.atom()

    def atom(self) -> Node:
        start = self.token
        literal = _literal(start)
        if literal is None and start.kind != "column":
            raise ExpressionError(start.position, f"expected a column or a value, found {start.text!r}")
        self.at += 1
        if self.token.kind == "sign" and self.token.text in _COMPARISONS:
            sign = self.token.text
            self.at += 1
            return self.comparison(start, literal, sign)
        if literal is None and self.take("has"):
            return Has(start.text, self.value())
        negated = self.token.text == "not" and self.token.kind == "keyword"
        if negated:
            self.at += 1
        if self.take("in"):
            return self.membership(start, literal, negated)
        if negated:
            raise ExpressionError(self.token.position, f"expected 'in' after 'not', found {self.token.text!r}")
        if literal is not None:
            raise ExpressionError(
                self.token.position, f"expected a comparison after {start.text!r}, found {self.token.text!r}"
            )
        return Truth(start.text)

    def comparison(self, start: _Token, literal: Literal | None, sign: str) -> Node:
        other = self.token
        value = _literal(other)
        if value is None and other.kind != "column":
            raise ExpressionError(other.position, f"expected a column or a value, found {other.text!r}")
        self.at += 1
        if literal is None:
            return CompareColumns(start.text, sign, other.text) if value is None else Compare(start.text, sign, value)
        if value is not None:
            raise ExpressionError(other.position, "expected a column on one side; both sides are values")
        return Compare(other.text, _FLIPPED[sign], literal)

    def membership(self, start: _Token, literal: Literal | None, negated: bool) -> Node:
        if literal is not None:
            column = self.token
            if column.kind != "column":
                raise ExpressionError(column.position, f"expected a column after 'in', found {column.text!r}")
            self.at += 1
            inside = Has(column.text, literal)
            return Not(inside) if negated else inside
        for opening, closing in (("[", "]"), ("(", ")")):
            if self.take(opening):
                values = [self.value()]
                while self.take(","):
                    values.append(self.value())
                self.expect(closing)
                return In(start.text, tuple(values), negated)
        raise ExpressionError(self.token.position, f"expected a list in brackets after 'in', found {self.token.text!r}")

    def value(self) -> Literal:
        token = self.token
        value = _literal(token)
        if value is None:
            quotes = f'; write "{token.text}" in quotes' if token.kind == "column" else ""
            raise ExpressionError(token.position, f"expected a value, found {token.text!r}{quotes}")
        self.at += 1
        return value
