"""What a file defines, imports and uses, in each language that has a grammar and in one that has none."""

from __future__ import annotations

import re

import pytest

from agentflow.review.source import Source
from agentflow.review.symbols import imports_of, symbols_of, uses_of

FILES = {
    "a.py": """\
import os
from a.b import (
    c,
)
MAX = 5
class Shop(Base):
    size: int = 3
    def go(self):
        import late
        return helper(self.y, MAX)
@deco
def helper(a): return a
""",
    "a.ts": """\
import { a, b } from "./x";
import * as z from "../y";
export const LIMIT = 5;
export class Shop extends Base {
  private size: number = 3;
  async go<T>(x: T): Promise<T> { return this.help(x, LIMIT); }
}
export const arrow = async (x: number) => { return x; };
exports.old = function () {};
""",
    "a.go": """\
package m
import (
	"fmt"
	"x/y"
)
const Max = 5
type (
	Point struct {
		x int
	}
)
func (s *Server) Handle(q Query) int { return s.find(Max) }
func Map[T any](x T) T { return x }
""",
    "Shop.java": """\
package a.b;
import java.util.List;
public class Shop extends Base {
  private static final int MAX = 3;
  public Shop(int x) { this.x = x; }
  @Override
  public List<Item> go(Item d) { return d.find(MAX); }
}
""",
    "Shop.cs": """\
using System;
namespace X {
  public class Shop : Base {
    private const int Max = 3;
    public List<int> Sizes { get; set; }
    public Task<Item> Go(Item d) => d.Find(Max);
  }
}
""",
    "a.rs": """\
use crate::b::{c, d};
const MAX: u32 = 3;
pub struct Shop { x: u32 }
impl Sells for Shop {
    fn go(&self) -> u32 { helper(self.x) }
}
mod tests {
    use super::*;
}
""",
    "a.rb": """\
require "x"
MAX = 3
class Shop < Base
  def self.make(x); end
  def go?(x) = x.find
end
""",
    "a.php": """\
<?php
use A\\B\\C;
const MAX = 3;
class Shop extends Base {
  private $size = 3;
  public function go(Item $d) { return $d->find(MAX); }
}
""",
    "a.c": """\
#include "x.h"
#define MAX 3
static const int table[] = {1, 2};
struct shop { int x; };
int *go(struct shop *p) { return find(p->x, MAX); }
""",
    "a.cpp": """\
#include <x>
int Shop::go(int x) { return find(x); }
""",
    "a.sh": """\
source x.sh
MAX=3
go() { find "$MAX"; }
""",
    "a.kt": """\
import a.b.C
val MAX = 3
class Shop(val x: Int) {
  fun go(d: Item): Int = d.find(MAX)
}
""",
}
DEFINED = {
    "a.py": ["MAX", "Shop", "size", "go", "helper"],
    "a.ts": ["LIMIT", "Shop", "size", "go", "arrow", "old"],
    "a.go": ["Max", "Point", "Handle", "Map"],
    "Shop.java": ["Shop", "MAX", "Shop", "go"],
    "Shop.cs": ["X", "Shop", "Max", "Sizes", "Go"],
    "a.rs": ["MAX", "Shop", "go", "tests"],
    "a.rb": ["MAX", "Shop", "make", "go?"],
    "a.php": ["MAX", "Shop", "size", "go"],
    "a.c": ["MAX", "table", "shop", "go"],
    "a.cpp": ["go"],
    "a.sh": ["MAX", "go"],
    "a.kt": ["MAX", "Shop", "go"],
}
IMPORTED = {
    **dict.fromkeys(FILES, ((1, 1),)),
    "a.py": ((1, 4),),
    "a.ts": ((1, 2),),
    "a.go": ((2, 5),),
    "Shop.java": ((2, 2),),
    "a.php": ((2, 2),),
}


def source(path):
    return Source(path, tuple(FILES[path].splitlines()))


@pytest.mark.parametrize("path", FILES)
def test_what_is_known_beyond_a_function_has_its_name_and_its_lines(path):
    file = source(path)
    found = symbols_of(file)
    assert [one.name for one in found] == DEFINED[path]
    assert all(one.name.rstrip("?") in file.lines[one.line - 1] for one in found)
    assert all(one.first <= one.line <= one.last for one in found)


@pytest.mark.parametrize("path", FILES)
def test_imports_are_those_of_the_file_and_not_of_one_function_or_inner_module(path):
    assert imports_of(source(path)) == IMPORTED[path]


@pytest.mark.parametrize("path", [path for path in FILES if path != "a.cpp"])
def test_names_are_used_where_they_stand_and_some_are_called(path):
    file = source(path)
    line = next(n for n, text in enumerate(file.lines, start=1) if re.search("[fF]ind|help", text))
    called = [one.name for one in uses_of(file, line, line) if one.name in {"find", "Find", "help", "helper"}]
    assert called
    assert {one.line for one in uses_of(file, line, line)} == {line}


def test_a_call_of_something_is_told_from_a_call_alone():
    uses = {one.name: one for one in uses_of(source("a.ts"), 6, 6)}
    assert (uses["help"].called, uses["help"].member) == (True, True)
    assert (uses["go"].called, uses["go"].member) == (True, False)
    assert (uses["LIMIT"].called, uses["LIMIT"].member) == (False, False)


def test_letters_beyond_ascii_stay_in_names():
    file = Source("a.py", ("größe = 1", "def f():", "    return größe"))
    assert [one.name for one in symbols_of(file)] == ["größe", "f"]
    assert [one.name for one in uses_of(file, 3, 3)] == ["größe"]
