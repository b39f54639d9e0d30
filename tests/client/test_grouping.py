"""Options that are declared once, in a group."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from jitney.client.inputs.grouping import grouped


@dataclass(frozen=True, slots=True)
class Colours:
    first: Annotated[str, typer.Option("--first-colour", help="The first.")] = "red"
    others: Annotated[list[str] | None, typer.Option("--other")] = None


@dataclass(frozen=True, slots=True)
class Bright(Colours):
    first: Annotated[str, typer.Option("--first-colour")] = "yellow"


def said(command, *words: str) -> str:
    app = typer.Typer(add_completion=False)
    app.command()(grouped(command))
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def paint(context: typer.Context, what: str, *, twice: bool = False, colours: Colours) -> None:
    """Paint WHAT."""
    typer.echo(f"{context.info_name} {what} {twice} {colours}")


def test_a_command_gets_its_group_with_the_values_that_were_given():
    assert said(paint, "wall", "--twice") == "paint wall True Colours(first='red', others=None)\n"
    given = ("wall", "--other", "blue", "--first-colour", "green", "--other", "black")
    assert said(paint, *given) == "paint wall False Colours(first='green', others=['blue', 'black'])\n"


def test_a_group_may_have_another_default():
    def shine(*, colours: Bright) -> None:
        typer.echo(colours.first)

    assert said(shine) == "yellow\n"


def test_help_shows_the_groups_options_and_the_commands_own_words():
    printed = said(paint, "--help")
    assert all(words in printed for words in ("Paint WHAT.", "--first-colour", "The first.", "--other", "--twice"))


def test_two_options_of_one_name_are_refused():
    def paint_twice(*, first: str = "", colours: Colours) -> None: ...

    with pytest.raises(ValueError, match="duplicate parameter name: 'first'"):
        grouped(paint_twice)
