from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from agentflow.review.definitions import definitions
from agentflow.review.grammars import grammar_of
from agentflow.review.parsing import MOST_PARSED, definitions_of
from agentflow.review.source import Source
from agentflow.review.text import decode, lines_of

SAMPLES = Path(__file__).parent / "samples"
SUFFIXES = ["sh", "c", "cpp", "cs", "go", "java", "php", "py", "rb", "rs", "ts", "js"]

#: By name: a file whose first definition has text in column 0 that does not end it, and its lines.
SHAPES = {
    "a label of Go": ("a.go", "func f() {\n\tgoto end\nend:\n\tg()\n\th()\n}\n\nvar x = 1\n", (1, 6)),
    "a label of C": ("a.c", "int f(int x)\n{\n    goto out;\nout:\n    g();\n    return x;\n}\n\nint x;\n", (1, 7)),
    "a directive of C": ("a.c", "int f(void) {\n#ifdef A\n    g();\n#endif\n    return 1;\n}\nint y;\n", (1, 6)),
    "a raw string of Go": ("a.go", "func f() string {\n\tx := `\nselect 1\nfrom t`\n\treturn x\n}\n", (1, 6)),
    "a raw string of Rust": ("a.rs", 'fn f() {\n    let s = r#"\nhello\n"#;\n    g(s);\n}\nfn h() {}\n', (1, 6)),
    "a dedented string of Python": ("a.py", 'def f():\n    x = """\nhello\n"""\n    return x\n\n\ny = 1\n', (1, 5)),
    "a string of Ruby": ("a.rb", "def f\n  x = <<EOS\nhello\nend\nEOS\n  g(x)\nend\ny = 1\n", (1, 7)),
    "a heredoc of the shell": ("a.sh", "f() {\n  cat <<EOF\nhello\n}\nEOF\n  g\n}\nh\n", (1, 7)),
    "a heredoc of PHP": ("a.php", "<?php\nfunction f() {\n    $x = <<<EOT\nhello\nEOT;\n    return $x;\n}\n", (2, 7)),
    "a template of JavaScript": ("a.js", "function f() {\n  const x = `\nhello\n}\n`;\n  return x;\n}\n", (1, 7)),
    "a text block of Java": ("A.java", 'class A {\n  String s = """\nhello\n""";\n  int x;\n}\n', (1, 6)),
    "a raw string of C#": ("A.cs", 'class A {\n  string S = @"\nhello\n";\n  int x;\n}\n', (1, 6)),
    "a raw string of C++": ("a.cpp", 'int f() {\n  auto s = R"(\nhello\n)";\n  return g(s);\n}\nint x;\n', (1, 6)),
    "a commented line of Python": ("a.py", "def f():\n    g()\n# h()\n    return 1\n\n\ny = 1\n", (1, 4)),
    "a commented line of JavaScript": ("a.ts", "function f() {\n  g();\n// h();\n  return 1;\n}\nlet y;\n", (1, 5)),
    "a commented line of Go": ("a.go", "func f() {\n\tg()\n// h()\n\treturn\n}\nvar y = 1\n", (1, 5)),
    "a signature over lines": ("a.py", "def f(\n    a,\n    b,\n):\n    return a\n", (1, 5)),
    "a result on a line of its own": ("a.c", "static int\nf(int x)\n{\n    return x;\n}\n", (2, 5)),
    "an arrow function": ("a.js", "const f = (x) => {\n  g(`\nhello\n`);\n  return x;\n};\n", (1, 6)),
}


def found(path, text):
    return definitions_of(Source(path, lines_of(text)))


@pytest.mark.parametrize("name", SHAPES)
def test_text_in_column_0_does_not_end_a_definition(name):
    path, text, span = SHAPES[name]
    first = found(path, text)[0]
    assert (first.line, first.last) == span


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_grammars_find_what_the_look_of_the_lines_finds(path):
    marked = path.read_text(encoding="utf-8").split("\n")
    lines = tuple(line.removesuffix("//!").removesuffix("#!").rstrip() for line in marked)
    wanted = {n for n, line in enumerate(marked, start=1) if line.endswith(("//!", "#!"))}
    assert wanted <= {one.line for one in definitions_of(Source(path.name, lines))}


def test_a_language_without_a_grammar_is_read_by_the_look_of_its_lines():
    lines = lines_of((SAMPLES / "Point.swift").read_text(encoding="utf-8"))
    assert grammar_of("Point.swift") is None
    assert definitions_of(Source("Point.swift", lines)) == definitions(lines) != ()


def test_types_are_told_from_functions():
    text = "class A:\n    @cached\n    # About b.\n    def b(self):\n        def c(): ...\n        return c\n"
    assert [(one.first, one.line, one.last, one.is_type) for one in found("a.py", text)] == [
        (1, 1, 6, True),
        (2, 4, 6, False),
        (5, 5, 5, False),
    ]
    for path, code in (("a.go", "type A struct {\n\tx int\n}"), ("a.rs", "impl A {\n    fn b() {}\n}")):
        assert [one.is_type for one in found(path, code)][:1] == [True]


def test_one_mistake_in_a_file_leaves_the_rest_of_its_definitions():
    text = "def a():\n    return (\n\n\n" + "def b():\n    x = '''\ny\n'''\n    return x\n\n\n" * 20
    assert sum(one.last - one.line == 4 for one in found("a.py", text)) >= 19


def test_what_is_no_such_language_is_read_by_the_look_of_its_lines():
    prose = "This is not code at all, (but [it has a name.\n\n" * 30 + "function f() {\n  g();\n}\n"
    lines = lines_of(prose)
    assert definitions_of(Source("a.java", lines)) == definitions(lines)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_letters_of_any_encoding_do_not_move_definitions(suffix, encoding):
    texts = {path.suffix[1:]: path for path in SAMPLES.iterdir()}
    text = "def f():\n    return 1\n" if suffix == "py" else texts[suffix].read_text(encoding="utf-8")
    strange = text.replace("e", "é")
    plain, read = found(f"a.{suffix}", text.replace("e", "x")), decode(strange.encode(encoding))
    assert [one.line for one in found(f"a.{suffix}", read)] == [one.line for one in plain]


ODD = "😀\x00\x1b\u2028\u202e\ufeff\ud800é\x0c\x0b\x85"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_character_breaks_a_grammar(suffix):
    for odd in ODD:
        definitions_of(Source(f"a.{suffix}", (f"def f{odd}(x) {{", f"{{{odd}", f'"{odd}', odd)))


def noise(seed, letters):
    chosen = random.Random(seed)
    return tuple("".join(chosen.choice(letters) for _ in range(80)) for _ in range(200))


#: Made to be slow to read: deep, broken, or without an end.
HOSTILE = {
    "braces": ("{" * 59 + "}" * 59,) * 100,
    "open parentheses": ("(" * 59, ")" * 59) * 200,
    "calls": ("f(" * 59 + ")" * 59,) * 100,
    "angles": ("a<b<c<d<e<f<g<h" * 20,) * 150,
    "quotes": ("'\"`" * 60,) * 300,
    "heredocs": tuple(f"cat <<A{n}" for n in range(4_000)),
    "else": ("if (a) b; else ",) * 4_000,
    "operators": ("-!~*&" * 900,) * 10,
    "indentation": tuple(" " * (n % 300) + "if x:" for n in range(400)),
    "comments": ("/* // # <!-- '''",) * 1_000,
    "noise": noise(1, "(){}[]<>=+-*/;:,.'\"`#@!$%^&|\\ \tabcif "),
    "too many characters": ("def f(): pass",) * (MOST_PARSED // 10),
    "too wide": ("x = " + "[" * 100_000,),
    "too deep": ("{" * 2_000,),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_text_takes_long(suffix):
    """Seconds of the processor."""
    for name, lines in HOSTILE.items():
        begun = time.process_time()
        definitions_of(Source(f"a.{suffix}", lines))
        assert time.process_time() - begun < 6, name
