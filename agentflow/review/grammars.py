"""Which grammar reads a file, and which of its nodes are definitions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Query

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
_BY_SUFFIX = {suffix: grammar for suffixes, grammar in _GRAMMARS.items() for suffix in suffixes.split()}


def grammar_of(path: str) -> Grammar | None:
    """The grammar for files of this name; None where there is none."""
    return _BY_SUFFIX.get(PurePosixPath(path).suffix[1:].lower())


@cache
def reader(grammar: Grammar) -> tuple[Parser, Query]:
    """A parser and the query for its trees."""
    from tree_sitter import Language, Parser, Query

    language = Language(getattr(import_module(grammar.package), grammar.function)())
    return Parser(language), Query(language, grammar.query)
