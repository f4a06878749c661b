"""Rust, Go, Ruby, Java, PHP, .NET and Elixir: one command each; and `make`, where a target says what it is for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.checks.setups.folder import Folder, Installed, Step

#: Targets that people name so when they mean: do this after cloning.
_MAKE_TARGETS = ("setup", "bootstrap", "install-dev", "dev-install", "dev-setup", "develop", "deps", "dependencies")


def other_steps(folder: Folder, installed: Installed) -> Iterator[Step]:
    """The steps of the languages above, each where its tool is installed or comes with the repository."""
    if folder.has("Cargo.toml") and installed("cargo"):
        yield Step("rust", "cargo fetch --locked" if folder.has("Cargo.lock") else "cargo fetch", "Cargo.toml")
    if (work := folder.has("go.work", "go.mod")) and installed("go"):
        yield Step("go", "go mod download", work)
    if (gems := folder.has("Gemfile.lock", "Gemfile")) and installed("bundle"):
        yield Step("ruby", "bundle install", gems)
    if (step := _java(folder, installed)) is not None:
        yield step
    if (php := folder.has("composer.lock", "composer.json")) and installed("composer"):
        yield Step("php", "composer install --no-interaction", php)
    if (project := _dotnet(folder)) and installed("dotnet"):
        yield Step("dotnet", "dotnet restore", project)
    if (mix := folder.has("mix.exs")) and installed("mix"):
        yield Step("elixir", "mix deps.get", mix)


def make_step(folder: Folder, installed: Installed) -> Step | None:
    """`make setup` and the like; GNU make reads the first of its files that exists."""
    name = folder.has("GNUmakefile", "makefile", "Makefile")
    if name is None or not installed("make"):
        return None
    targets = set(re.findall(r"^([\w.-]+)(?: +[\w.-]+)* *::?(?!=)", folder.text(name), re.MULTILINE))
    found = next((target for target in _MAKE_TARGETS if target in targets), None)
    return Step("make", f"make {found}", f"{name} target {found}") if found else None


def _java(folder: Folder, installed: Installed) -> Step | None:
    if gradle := folder.has("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"):
        started = "./gradlew" if folder.has("gradlew") else "gradle"
        if started == "./gradlew" or installed("gradle"):
            return Step("java", f"{started} --quiet testClasses", gradle)
    if folder.has("pom.xml"):
        started = "./mvnw" if folder.has("mvnw") else "mvn"
        if started == "./mvnw" or installed("mvn"):
            return Step("java", f"{started} -q -B test-compile", "pom.xml")
    return None


def _dotnet(folder: Folder) -> str | None:
    found = (path.name for mark in ("sln", "slnx", "csproj", "fsproj") for path in folder.path.glob(f"*.{mark}"))
    return next(iter(sorted(found)), None)
