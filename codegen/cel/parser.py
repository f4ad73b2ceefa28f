"""The CEL parser: one method for each level of precedence, after the grammar of the language specification (cel-spec,
doc/langdef.md, "Syntax"). Message and bytes literals, unsigned numbers and optional syntax are refused.
"""

from __future__ import annotations

from collections.abc import Callable

from codegen.cel.lexer import Token, tokens
from codegen.cel.syntax import Call, Entries, Expression, Has, Items, Literal, Macro, NotLowerable, Select, Variable

MACROS = {"all", "exists", "exists_one", "filter", "map"}
_RELATIONS = {"<", "<=", ">=", ">", "==", "!=", "in"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_RESERVED = {
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
}  # fmt: skip
_DEEPEST = 40  # levels of nesting; each costs a dozen frames of Python's stack
_INT64 = 1 << 63


def parse(text: str) -> Expression:
    """Return the tree of the expression `text`.

    Raises:
        NotLowerable: It is no CEL expression, or uses syntax that is not supported.
    """
    parser = _Parser(tokens(text))
    node = parser.expression()
    parser.end()
    return node


class _Parser:
    def __init__(self, token_list: list[Token]) -> None:
        self._tokens = token_list
        self._next = 0
        self._depth = 0

    def end(self) -> None:
        if self._peek.kind != "end":
            raise self._unexpected()

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotLowerable(f"more than {_DEEPEST} levels of nesting")
        condition = self._or()
        if self._take("?"):
            yes = self._or()
            self._expect(":")
            condition = Call("?:", (condition, yes, self.expression()))
        self._depth -= 1
        return condition

    def _or(self) -> Expression:
        return self._left(self._and, {"||"})

    def _and(self) -> Expression:
        return self._left(self._relation, {"&&"})

    def _relation(self) -> Expression:
        return self._left(self._sum, _RELATIONS)

    def _sum(self) -> Expression:
        return self._left(self._product, {"+", "-"})

    def _product(self) -> Expression:
        return self._left(self._unary, {"*", "/", "%"})

    def _left(self, operand: Callable[[], Expression], signs: set[str]) -> Expression:
        node = operand()
        while self._peek.kind in ("sign", "name") and self._peek.text in signs:
            sign = self._advance().text
            node = Call(sign, (node, operand()))
        return node

    def _unary(self) -> Expression:
        for sign, function in (("!", "!"), ("-", "negate")):
            count = 0
            while self._take(sign):
                count += 1
            if not count:
                continue
            if sign == "-" and count == 1 and self._peek.kind in ("int", "double"):
                return self._member(self._number("-"))
            node = self._member(self._primary())
            for _ in range(count):
                node = Call(function, (node,))
            return node
        return self._member(self._primary())

    def _member(self, node: Expression) -> Expression:
        while True:
            if self._take("."):
                name = self._advance()
                if name.kind != "name":
                    raise self._unexpected(name)
                node = self._method(node, name.text) if self._take("(") else Select(node, name.text)
            elif self._take("["):
                node = Call("[]", (node, self.expression()))
                self._expect("]")
            else:
                return node

    def _method(self, receiver: Expression, name: str) -> Expression:
        arguments = self._list(")")
        if name not in MACROS:
            return Call(name, (receiver, *arguments), method=True)
        wanted = (2, 3) if name == "map" else (2,)
        if len(arguments) not in wanted:
            raise NotLowerable(f"the macro {name}() is not supported with {len(arguments)} arguments")
        variable, *rest = arguments
        if not isinstance(variable, Variable):
            raise NotLowerable(f"the first argument of the macro {name}() must be a variable")
        return Macro(name, receiver, variable.name, rest[-1], rest[0] if len(rest) == 2 else None)

    def _primary(self) -> Expression:
        if self._peek.kind in ("int", "double"):
            return self._number("")
        token = self._advance()
        if token.kind == "string":
            return Literal(token.text)
        if token.kind == "name":
            return self._named(token)
        if token.text == "(" and token.kind == "sign":
            node = self.expression()
            self._expect(")")
            return node
        if token.text == "[" and token.kind == "sign":
            return Items(tuple(self._list("]", trailing=True)))
        if token.text == "{" and token.kind == "sign":
            return Entries(tuple(self._entries()))
        raise self._unexpected(token)

    def _named(self, token: Token) -> Expression:
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        if token.text in _RESERVED:
            raise self._unexpected(token)
        if self._take("("):
            arguments = self._list(")")
            if token.text != "has":
                return Call(token.text, tuple(arguments))
            if len(arguments) != 1 or not isinstance(arguments[0], Select):
                raise NotLowerable("has() takes one selection such as `has(self.name)`")
            return Has(arguments[0].operand, arguments[0].name)
        return Variable(token.text)

    def _number(self, sign: str) -> Expression:
        token = self._advance()
        if token.kind == "double":
            return Literal(float(sign + token.text))
        value = int(sign + token.text, 16 if token.text.startswith("0x") else 10)
        if not -_INT64 <= value < _INT64:
            raise NotLowerable(f"{sign}{token.text} does not fit into 64 bits")
        return Literal(value)

    def _list(self, close: str, *, trailing: bool = False) -> list[Expression]:
        items: list[Expression] = []
        while not self._take(close):
            if items:
                self._expect(",")
                if trailing and self._take(close):
                    break
            items.append(self.expression())
        return items

    def _entries(self) -> list[tuple[Expression, Expression]]:
        entries: list[tuple[Expression, Expression]] = []
        while not self._take("}"):
            if entries:
                self._expect(",")
                if self._take("}"):
                    break
            key = self.expression()
            self._expect(":")
            entries.append((key, self.expression()))
        return entries

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._peek
        if token.kind != "end":
            self._next += 1
        return token

    def _take(self, sign: str) -> bool:
        if self._peek.kind == "sign" and self._peek.text == sign:
            self._next += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected()

    def _unexpected(self, token: Token | None = None) -> NotLowerable:
        token = token or self._peek
        what = repr(token.text) if token.kind != "end" else "the end"
        return NotLowerable(f"unexpected {what} at character {token.at}")
