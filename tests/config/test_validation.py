from __future__ import annotations

from enum import StrEnum

import pytest

from agentflow.config.validation import StrictModel, did_you_mean, dotted, unknown, validate
from agentflow.config.yaml import load_yaml
from agentflow.errors import UsageError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wheel(StrictModel):
    size: int
    colour: Colour = Colour.RED


class Car(StrictModel):
    name: str
    fast: bool = False
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    by_name: dict[str, Wheel] | None = None


def errors(text: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        validate(Car, load_yaml(text, "car.yaml"), "car.yaml")
    return caught.value.message.splitlines()


def test_valid_data_becomes_the_model():
    car = validate(Car, load_yaml("name: x\nwheels: [{size: 3, colour: blue}]", "car.yaml"), "car.yaml")
    assert car.wheels[0] == Wheel(size=3, colour=Colour.BLUE)


def test_every_error_is_listed_at_once_with_file_line_and_key():
    found = errors("nam: x\nwheels:\n  - size: big\n  - colour: rad\n    size: 1\n")
    assert found == [
        "car.yaml:1: name: is required",
        "car.yaml:3: wheels[0].size: should be a valid integer",
        "car.yaml:4: wheels[1].colour: 'rad' is not one of red, blue; did you mean 'red'?",
        "car.yaml:1: nam: unknown key; did you mean 'name'?",
    ]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("wheels: [{siez: 1}]", "wheels[0].siez: unknown key; did you mean 'size'?"),
        ("spare: {siez: 1}", "spare.siez: unknown key; did you mean 'size'?"),
        ("by_name: {front: {siez: 1}}", "by_name.front.siez: unknown key; did you mean 'size'?"),
    ],
)
def test_a_misspelt_key_is_explained_wherever_it_stands(text: str, suggestion: str):
    assert any(line.endswith(suggestion) for line in errors(text))


@pytest.mark.parametrize("value", ["no", "'true'", "1"])
def test_nothing_but_true_and_false_is_a_boolean(value: str):
    assert errors(f"name: x\nfast: {value}") == ["car.yaml:2: fast: should be a valid boolean"]


@pytest.mark.parametrize("value", ["1.10", "7", "true"])
def test_a_value_where_text_is_wanted_is_an_error_and_not_silently_changed(value: str):
    assert errors(f"name: {value}") == ["car.yaml:1: name: should be a valid string; quote it"]


def test_data_without_lines_is_named_by_key_alone():
    with pytest.raises(UsageError, match=r"^name: is required$"):
        validate(Car, {}, "")


def test_a_lone_surrogate_from_a_model_is_a_usage_error():
    with pytest.raises(UsageError):
        validate(Car, {"name": "\ud800"}, "")


def test_places_are_written_as_people_write_them():
    assert dotted(("subtasks", 2, "files", 0)) == "subtasks[2].files[0]"


def test_a_close_word_is_suggested_and_a_far_one_is_answered_with_the_list():
    assert did_you_mean("Raed", ["Read", "Write"]) == "; did you mean 'Read'?"
    assert unknown("tool", "Xyz", ["Read", "Write"]) == "unknown tool 'Xyz'; known: Read, Write"
