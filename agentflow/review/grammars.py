"""Which grammar reads a file, and which of its nodes are definitions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Parser, Query

_VALUES = "[(arrow_function) (function_expression) (generator_function) (class)]"
_SCRIPT = f"""
[(function_declaration) (generator_function_declaration) (method_definition)] @function
(variable_declarator value: {_VALUES}) @function
(assignment_expression right: {_VALUES}) @function
(public_field_definition value: {_VALUES}) @function
(pair value: {_VALUES}) @function
[(class_declaration) (abstract_class_declaration) (interface_declaration) (enum_declaration) (internal_module) (module)
 (type_alias_declaration)] @type
"""
_C = """
(function_definition) @function
(struct_specifier body: (_)) @type
(union_specifier body: (_)) @type
(enum_specifier body: (_)) @type
"""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A package with a grammar, the function of it that gives the grammar, and a query for definitions."""

    package: str
    query: str
    function: str = "language"


_GRAMMARS = {
    "bash sh": Grammar("tree_sitter_bash", "(function_definition) @function"),
    "c h": Grammar("tree_sitter_c", _C),
    "cc cpp cxx hh hpp hxx": Grammar(
        "tree_sitter_cpp", f"{_C} (class_specifier body: (_)) @type (namespace_definition body: (_)) @type"
    ),
    "cs": Grammar(
        "tree_sitter_c_sharp",
        """
        [(method_declaration) (constructor_declaration) (destructor_declaration) (operator_declaration)
         (conversion_operator_declaration) (local_function_statement) (property_declaration) (indexer_declaration)
        ] @function
        [(class_declaration) (interface_declaration) (struct_declaration) (record_declaration) (enum_declaration)
         (namespace_declaration)] @type
        """,
    ),
    "go": Grammar(
        "tree_sitter_go",
        "[(function_declaration) (method_declaration)] @function [(type_spec) (type_alias)] @type",
    ),
    "java": Grammar(
        "tree_sitter_java",
        """
        [(method_declaration) (constructor_declaration) (compact_constructor_declaration)] @function
        [(class_declaration) (interface_declaration) (enum_declaration) (record_declaration)
         (annotation_type_declaration)] @type
        """,
    ),
    "php": Grammar(
        "tree_sitter_php",
        """
        [(function_definition) (method_declaration)] @function
        [(class_declaration) (interface_declaration) (trait_declaration) (enum_declaration)] @type
        """,
        "language_php",
    ),
    "ipynb py pyi": Grammar("tree_sitter_python", "(function_definition) @function (class_definition) @type"),
    "rb": Grammar(
        "tree_sitter_ruby", "[(method) (singleton_method)] @function [(class) (module) (singleton_class)] @type"
    ),
    "rs": Grammar(
        "tree_sitter_rust",
        """
        [(function_item) (function_signature_item) (macro_definition)] @function
        [(impl_item) (struct_item) (enum_item) (trait_item) (union_item) (mod_item) (type_item)] @type
        """,
    ),
    "cts mts ts": Grammar("tree_sitter_typescript", _SCRIPT, "language_typescript"),
    "cjs js jsx mjs tsx": Grammar("tree_sitter_typescript", _SCRIPT, "language_tsx"),
}
#: Suffixes of languages that use each other's definitions.
_TOGETHER = {
    "tree_sitter_c": "c h cc cpp cxx hh hpp hxx",
    "tree_sitter_cpp": "c h cc cpp cxx hh hpp hxx",
    "tree_sitter_typescript": "cts mts ts cjs js jsx mjs tsx",
}
#: Suffixes of languages without a grammar here.
_OTHERS = "clj dart ex exs fs groovy hs jl kt kts lua m mm nim pl pm ps1 r scala svelte swift v vb vue zig"
_BY_SUFFIX = {suffix: grammar for suffixes, grammar in _GRAMMARS.items() for suffix in suffixes.split()}
_CODE = frozenset([*_BY_SUFFIX, *_OTHERS.split()])


def grammar_of(path: str) -> Grammar | None:
    """The grammar for files of this name; None where there is none."""
    return _BY_SUFFIX.get(PurePosixPath(path).suffix[1:].lower())


def is_code(path: str) -> bool:
    """Whether such files hold definitions, in a language with or without a grammar here."""
    return PurePosixPath(path).suffix[1:].lower() in _CODE


def family_of(path: str) -> frozenset[str]:
    """The suffixes, without a dot, of the files that a file of this name can use what is defined in."""
    return _family(PurePosixPath(path).suffix[1:].lower())


@cache
def _family(suffix: str) -> frozenset[str]:
    grammar = _BY_SUFFIX.get(suffix)
    together = _TOGETHER.get(grammar.package if grammar else "", "").split()
    return frozenset([*together, *(one for one, other in _BY_SUFFIX.items() if grammar and other == grammar), suffix])


@cache
def reader(grammar: Grammar) -> tuple[Parser, Query]:
    """A parser and the query for its trees."""
    from tree_sitter import Parser, Query

    return Parser(language_of(grammar)), Query(language_of(grammar), grammar.query)


@cache
def language_of(grammar: Grammar) -> Language:
    from tree_sitter import Language

    return Language(getattr(import_module(grammar.package), grammar.function)())
