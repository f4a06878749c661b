"""Which nodes of a grammar import, give a name a value, and use a name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from agentflow.review.grammars import Grammar, language_of

if TYPE_CHECKING:
    from tree_sitter import Query

_SCRIPT = """
[(import_statement) (export_statement source: (_))] @import
(program [(lexical_declaration (variable_declarator name: (identifier) @value))
          (variable_declaration (variable_declarator name: (identifier) @value))])
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @value))))
(public_field_definition name: (_) @value)
[(identifier) (property_identifier) (type_identifier) (shorthand_property_identifier)
 (private_property_identifier)] @use
"""
_C = """
(preproc_include) @import
(preproc_def name: (_) @value)
(preproc_function_def name: (_) @value)
(translation_unit (declaration declarator: (init_declarator declarator: (_) @value)))
[(identifier) (field_identifier) (type_identifier)] @use
"""
#: By package: what a query captures as `import`, as the name of a `value`, and as a name in `use`.
_QUERIES = {
    "tree_sitter_bash": """
        (program (variable_assignment name: (_) @value))
        [(command_name (word)) (variable_name)] @use
    """,
    "tree_sitter_c": _C,
    "tree_sitter_cpp": f"{_C} (using_declaration) @import (namespace_identifier) @use",
    "tree_sitter_c_sharp": """
        (using_directive) @import
        (field_declaration (variable_declaration (variable_declarator name: (identifier) @value)))
        (identifier) @use
    """,
    "tree_sitter_go": """
        (import_declaration) @import
        (source_file (const_declaration (const_spec name: (identifier) @value)))
        (source_file (var_declaration [(var_spec name: (identifier) @value)
                                       (var_spec_list (var_spec name: (identifier) @value))]))
        [(identifier) (field_identifier) (type_identifier) (package_identifier)] @use
    """,
    "tree_sitter_java": """
        (import_declaration) @import
        (field_declaration declarator: (variable_declarator name: (identifier) @value))
        [(identifier) (type_identifier)] @use
    """,
    "tree_sitter_php": """
        (namespace_use_declaration) @import
        (const_element (name) @value)
        (property_element (variable_name (name) @value))
        (name) @use
    """,
    "tree_sitter_python": """
        [(import_statement) (import_from_statement) (future_import_statement)] @import
        (module (expression_statement (assignment left: (identifier) @value)))
        (class_definition body: (block (expression_statement (assignment left: (identifier) @value))))
        (identifier) @use
    """,
    "tree_sitter_ruby": "(assignment left: (constant) @value) [(identifier) (constant)] @use",
    "tree_sitter_rust": """
        [(use_declaration) (extern_crate_declaration)] @import
        [(const_item name: (_) @value) (static_item name: (_) @value)]
        [(identifier) (type_identifier) (field_identifier)] @use
    """,
    "tree_sitter_typescript": _SCRIPT,
}


@cache
def vocabulary(grammar: Grammar) -> Query:
    """The query for what files of this grammar import, define besides functions and types, and use."""
    from tree_sitter import Query

    return Query(language_of(grammar), _QUERIES[grammar.package])
