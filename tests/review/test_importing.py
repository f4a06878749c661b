"""Which files of a commit an import means."""

from __future__ import annotations

import pytest

from agentflow.review.importing import Modules
from agentflow.review.source import Source

_PATHS = (
    "shop/__init__.py shop/prices.py shop/deep/tools.py deep/os.py src/a/b.ts src/a/c/index.ts src/x.tsx pkg/util/u.go"
    " pkg/util/v.go src/main/java/org/x/Foo.java lib/parse.h lib/parse.c src/net/mod.rs src/net/tcp.rs"
    " src/Http/Client.php lib/tool/y.rb Data/Rows.cs"
)
PATHS = _PATHS.split()


def meant(path, text):
    found = Modules([*PATHS, path]).imported(Source(path, tuple(text.split("\n"))))
    return [file for one in found for file in one.files]


@pytest.mark.parametrize(
    ("path", "text", "files"),
    [
        ("main.py", "from shop.prices import total", ["shop/prices.py"]),
        ("main.py", "from shop import (\n    prices,\n)", ["shop/__init__.py", "shop/prices.py"]),
        ("shop/deep/more.py", "from ..prices import total", ["shop/prices.py"]),
        ("shop/deep/more.py", "from . import tools", ["shop/deep/tools.py"]),
        ("main.py", "import os", []),
        ("src/a/q.ts", 'import {z} from "./b";', ["src/a/b.ts"]),
        ("src/a/q.ts", 'import c from "./c"', ["src/a/c/index.ts"]),
        ("src/a/q.ts", 'import x from "../x.js"', ["src/x.tsx"]),
        ("src/a/q.ts", 'import b from "b"', []),
        ("cmd/m.go", 'import (\n\t"fmt"\n\tu "github.com/me/r/pkg/util"\n)', ["pkg/util/u.go", "pkg/util/v.go"]),
        ("src/main/java/org/y/A.java", "import org.x.Foo;", ["src/main/java/org/x/Foo.java"]),
        ("src/main/java/org/y/A.java", "import static org.x.Foo.bar;", ["src/main/java/org/x/Foo.java"]),
        ("src/main/java/org/y/A.java", "import java.util.List;", []),
        ("lib/m.c", '#include "parse.h"', ["lib/parse.h", "lib/parse.c"]),
        ("lib/m.c", "#include <stdio.h>", []),
        ("src/m.rs", "use crate::net::{tcp, X};", ["src/net/tcp.rs", "src/net/mod.rs"]),
        ("src/Y.php", "<?php\nuse App\\Http\\Client;", ["src/Http/Client.php"]),
        ("lib/tool/x.rb", 'require_relative "y"', ["lib/tool/y.rb"]),
    ],
)
def test_a_module_is_the_file_whose_path_ends_as_its_name_does(path, text, files):
    assert meant(path, text) == files


def test_of_files_that_are_named_alike_the_nearest_is_meant():
    paths = ["one/app/models.py", "two/app/models.py", "two/app/views.py"]
    found = Modules(paths).imported(Source("two/app/views.py", ("from app.models import Item",)))
    assert [one.files for one in found] == [("two/app/models.py",)]


def test_an_import_of_the_commits_own_code_is_known_even_where_its_file_is_not():
    lines = ("use crate::Item;", "use std::io;")
    (found,) = Modules(["src/lib.rs", "src/m.rs"]).imported(Source("src/m.rs", lines))
    assert found.own
    assert "Item" in found.words


def test_a_file_of_another_language_is_never_meant():
    assert Modules(["shop/prices.ts"]).imported(Source("main.py", ("import shop.prices",)))[0].files == ()
