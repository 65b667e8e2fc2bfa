"""The conditions of rules: parsed and checked once, looked at often. Evaluated by simpleeval (docs/decisions/0006).

What simpleeval would take is narrowed to comparisons, arithmetic and a few functions before it sees an expression: no
attributes, no subscripts, no powers, no texts that are put together. A figure that is absent is None: a comparison of
size with it does not hold, arithmetic with it is absent again, and `x is None` asks for it.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

import simpleeval

from fleetwire.fleet.figures import VOCABULARY, Kind
from fleetwire.wire.errors import ConfigError

CHARS_MAX: Final = 500
DEPTH_MAX: Final = 40
NUMBER_MAX: Final = 1e15
TEXT_CHARS_MAX: Final = 128
ITEMS_MAX: Final = 50

Binary = Callable[[Any, Any], Any]


def _compared(compare: Binary) -> Binary:
    """Let a comparison with what is absent not hold."""
    return lambda left, right: left is not None and right is not None and compare(left, right)


def _counted(count: Binary) -> Binary:
    """Let arithmetic with what is absent be absent, and what has no result (a division by zero) as well."""

    def counted(left: Any, right: Any) -> Any:
        if left is None or right is None:
            return None
        try:
            return count(left, right)
        except ArithmeticError:
            return None

    return counted


def _present(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of what is absent be absent."""
    return lambda *figures: None if None in figures else function(*figures)


_OPERATORS: Final[dict[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: _counted(operator.add),
    ast.Sub: _counted(operator.sub),
    ast.Mult: _counted(operator.mul),
    ast.Div: _counted(operator.truediv),
    ast.Mod: _counted(operator.mod),
    ast.Gt: _compared(operator.gt),
    ast.Lt: _compared(operator.lt),
    ast.GtE: _compared(operator.ge),
    ast.LtE: _compared(operator.le),
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda item, items: items is not None and item in items,
    ast.NotIn: lambda item, items: items is None or item not in items,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Not: operator.not_,
    ast.USub: _present(operator.neg),
    ast.UAdd: _present(operator.pos),
}
_ARITHMETIC: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod)
_SIZES: Final = (ast.Gt, ast.Lt, ast.GtE, ast.LtE)
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {"abs": _present(abs), "min": _present(min), "max": _present(max)}
_SIGNS: Final[dict[type[ast.AST], str]] = {
    ast.Pow: "**",
    ast.FloorDiv: "//",
    ast.Attribute: "a dot between names",
    ast.Subscript: "[...] behind a name",
    ast.JoinedStr: "an f-text",
}


class Expression:
    """A condition over figures.

    Args:
        text: as its author wrote it.
        figures: the names that it may use, and what they are.
        constants: names that stand for a number, like `threshold`.

    Raises:
        ConfigError: it is no condition, or uses what there is not; says what is meant. Names neither file nor rule.
    """

    def __init__(self, text: str, figures: Mapping[str, Kind], constants: Mapping[str, float] | None = None) -> None:
        self.text = text
        tree = _parsed(text)
        check = _Check(figures, constants or {})
        kind = check.kind(tree)
        if kind is not Kind.truth:
            raise ConfigError(f"{_short(text)} is {kind.value} and no condition: compare it with something")
        self.names: tuple[str, ...] = tuple(check.names)
        self._tree: Any = _Constants(constants or {}).visit(tree)
        self._evaluator: Any = simpleeval.SimpleEval(operators=_OPERATORS, functions=FUNCTIONS, names={})

    def holds(self, figures: Mapping[str, Any]) -> bool:
        """Tell whether it is so.

        Args:
            figures: a value for each of its names; None for what is absent.
        """
        self._evaluator.names = figures
        return bool(self._evaluator.eval(self.text, previously_parsed=self._tree))

    def __repr__(self) -> str:
        """Show it as it was written."""
        return f"Expression({self.text!r})"


def near(name: str, names: Mapping[str, Any]) -> str:
    """Say which name was meant, or which there are."""
    found = get_close_matches(name, names, 1)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(names)}"


def _parsed(text: str) -> ast.expr:
    if len(text) > CHARS_MAX:
        raise ConfigError(f"is longer than {CHARS_MAX} characters")
    try:
        tree = ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(f'{_short(text)} can\'t be read: write it like "drawdown_pct > 10 and not paused"') from None
    if _depth(tree) > DEPTH_MAX:
        raise ConfigError(f"is nested deeper than {DEPTH_MAX}")
    return tree


def _depth(tree: ast.AST) -> int:
    """Count levels, level by level: what is too deep to be evaluated is too deep to be walked by calls, too."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


class _Constants(ast.NodeTransformer):
    """Puts numbers in the place of the names that stand for them, and makes one constant of each list."""

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace one name."""
        return ast.Constant(self._constants[node.id]) if node.id in self._constants else node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        """Replace a list."""
        constant: Any = ast.literal_eval(node)
        return ast.Constant(constant)

    def visit_List(self, node: ast.List) -> ast.expr:
        """Replace a list."""
        return self.visit_Tuple(ast.Tuple(node.elts, ast.Load()))


class _Check:
    """Finds what kind of thing an expression is, and refuses what can't be meant."""

    def __init__(self, figures: Mapping[str, Kind], constants: Mapping[str, float]) -> None:
        self._figures = {name: kind for name, kind in figures.items() if kind is not Kind.either}
        self._constants = constants
        self.names: dict[str, None] = {}

    def kind(self, node: ast.expr) -> Kind:
        """Tell what kind of thing a node is."""
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Constant):
            return self._constant(node.value)
        if isinstance(node, ast.BoolOp):
            return self._all(node.values, Kind.truth, "and / or")
        if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
            wanted = Kind.truth if isinstance(node.op, ast.Not) else Kind.number
            return self._all([node.operand], wanted, "not" if wanted is Kind.truth else "a sign")
        if isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
            return self._all([node.left, node.right], Kind.number, "arithmetic")
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.IfExp):
            return self._choice(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        sign = _SIGNS.get(type(node.op if isinstance(node, ast.BinOp) else node), _shown(node))
        raise ConfigError(f"{sign} is not for rules: there are comparisons, and, or, not, in, + - * / %, abs, min, max")

    def _name(self, name: str) -> Kind:
        if name in self._constants:
            return Kind.number
        if name not in self._figures:
            if name == "threshold":
                raise ConfigError("threshold is used, but the rule has none: give it one")
            raise ConfigError(f"{name}: {near(name, self._figures)}")
        self.names[name] = None
        return self._figures[name]

    @staticmethod
    def _constant(value: object) -> Kind:
        if value is None:
            return Kind.nothing
        if isinstance(value, bool):
            return Kind.truth
        if isinstance(value, int | float):
            if not abs(value) <= NUMBER_MAX:
                raise ConfigError(f"a number is beyond {NUMBER_MAX:g}")
            return Kind.number
        if isinstance(value, str):
            if len(value) > TEXT_CHARS_MAX:
                raise ConfigError(f"a text is longer than {TEXT_CHARS_MAX} characters")
            return Kind.text
        raise ConfigError(f"{value!r:.40} is neither a number nor a text")

    def _all(self, nodes: list[ast.expr], wanted: Kind, where: str) -> Kind:
        for node in nodes:
            kind = self.kind(node)
            if kind is not wanted:
                raise ConfigError(f"{_shown(node)} is {kind.value}, and {where} takes {wanted.value}")
        return wanted

    def _compare(self, node: ast.Compare) -> Kind:
        left = node.left
        for sign, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(sign, _SIZES):
                self._all([left, right], Kind.number, "a comparison of size")
            elif isinstance(sign, ast.In | ast.NotIn):
                self._in(left, right)
            else:
                self._same(left, right, only_none=isinstance(sign, ast.Is | ast.IsNot))
            left = right
        return Kind.truth

    def _same(self, left: ast.expr, right: ast.expr, *, only_none: bool) -> None:
        kinds = [self.kind(left), self.kind(right)]
        if only_none and Kind.nothing not in kinds:
            raise ConfigError(f"{_shown(left)}: `is` asks for None only; use == for everything else")
        if Kind.nothing not in kinds and (kinds[0] is not kinds[1] or kinds[0] is Kind.texts):
            raise ConfigError(f"{_shown(left)} is {kinds[0].value} and {_shown(right)} is {kinds[1].value}")
        self._known_word(left, right)
        self._known_word(right, left)

    def _in(self, item: ast.expr, items: ast.expr) -> None:
        kind = self.kind(item)
        if not isinstance(items, ast.Tuple | ast.List):
            if self.kind(items) is not Kind.texts or kind is not Kind.text:
                raise ConfigError(f'{_shown(items)}: write what it may be as a list, like link in ("stale", "lost")')
            return
        if len(items.elts) > ITEMS_MAX:
            raise ConfigError(f"a list is longer than {ITEMS_MAX}")
        self._all(items.elts, kind, "the list")
        for one in items.elts:
            if not isinstance(one.operand if isinstance(one, ast.UnaryOp) else one, ast.Constant):
                raise ConfigError(f"{_shown(one)}: a list holds numbers or texts as they are")
            self._known_word(item, one)

    @staticmethod
    def _known_word(figure: ast.expr, word: ast.expr) -> None:
        """Refuse a word that a figure can never be."""
        words = VOCABULARY.get(figure.id) if isinstance(figure, ast.Name) else None
        if words and isinstance(word, ast.Constant) and isinstance(word.value, str) and word.value not in words:
            raise ConfigError(
                f"{_shown(figure)} is never {word.value!r}: {near(word.value, dict.fromkeys(sorted(words)))}"
            )

    def _choice(self, node: ast.IfExp) -> Kind:
        self._all([node.test], Kind.truth, "if")
        return self._all([node.orelse], self.kind(node.body), "else")

    def _call(self, node: ast.Call) -> Kind:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            raise ConfigError(f"{_shown(node)}: there are the functions {', '.join(FUNCTIONS)}")
        name, count = node.func.id, len(node.args)
        if node.keywords or (count != 1 if name == "abs" else not 2 <= count <= ITEMS_MAX):
            raise ConfigError(
                f"{_shown(node)}: {name} takes {'one number' if name == 'abs' else 'two numbers or more'}"
            )
        return self._all(node.args, Kind.number, name)


def _shown(node: ast.AST) -> str:
    return _short(ast.unparse(node))


def _short(text: str) -> str:
    shown = text if len(text) <= 60 else text[:57] + "..."
    return "".join(char if char.isprintable() else "?" for char in shown)
