"""Migrations that two changes both number alike."""

from __future__ import annotations

import pytest

from agentflow.checks.numbering import is_numbered, taken_twice


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("shop/migrations/0004_cup.py", "shop/migrations/0004_pot.py"),
        ("migrations/4_cup.sql", "migrations/0004_pot.sql"),
        ("db/migrate/20260101120000_cup.rb", "db/migrate/20260101120000_pot.rb"),
        ("src/main/resources/db/migration/V4__cup.sql", "src/main/resources/db/migration/V4__pot.sql"),
        ("migrations/0004_cup.up.sql", "migrations/0004_pot.up.sql"),
        ("prisma/migrations/20260101_cup/migration.sql", "prisma/migrations/20260101_pot/migration.sql"),
    ],
)
def test_two_migrations_of_one_number_are_seen(mine, theirs):
    assert taken_twice(["README.md", mine], [theirs, "a.py"]) == ((mine, theirs),)
    assert is_numbered(mine)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("shop/migrations/0004_cup.py", "shop/migrations/0005_pot.py"),
        ("shop/migrations/0004_cup.py", "cafe/migrations/0004_pot.py"),
        ("shop/migrations/0004_cup.py", "shop/migrations/0004_cup.py"),
        ("docs/01-cups.md", "docs/01-pots.md"),
        ("alembic/versions/1975ea83b712_cup.py", "alembic/versions/1975ab83b713_pot.py"),
        ("migrations/__init__.py", "migrations/env.py"),
        ("prisma/migrations/20260101_cup/migration.sql", "prisma/migrations/20260101_cup/README.md"),
        ("tests/2024_data.txt", "tests/2024_more.txt"),
    ],
)
def test_what_is_no_clash_is_none(mine, theirs):
    assert taken_twice([mine], [theirs]) == ()
