"""Stacks of edits: pure functions, and a history that loses nothing."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenlayers_core.results.edit import stack as of
from goldenlayers_core.results.edit.stack import HISTORY, MOST, Entry, Stack


def stacked(*edit_ids: str) -> Stack:
    return of.add(Stack(), *edit_ids)


def test_edits_are_laid_on_top_and_one_already_there_moves_up() -> None:
    stack = of.add(stacked("a", "b"), "c")
    assert stack.edit_ids == ("a", "b", "c")
    assert of.add(of.toggle(stack, "a"), "a").entries == (Entry("b"), Entry("c"), Entry("a"))


def test_an_edit_takes_the_place_of_another_in_one_step() -> None:
    stack = of.add(stacked("a", "b"), "c", off=("a",))
    assert stack.entries == (Entry("a", False), Entry("b"), Entry("c"))
    assert of.undo(stack).entries == (Entry("a"), Entry("b"))


def test_toggled_edits_keep_their_place_and_are_left_out_of_the_enabled() -> None:
    stack = of.toggle(stacked("a", "b", "c"), "b")
    assert stack.edit_ids == ("a", "b", "c")
    assert stack.enabled == ("a", "c")
    assert of.toggle(stack, "b").enabled == ("a", "b", "c")


@pytest.mark.parametrize(
    ("edit_id", "by", "after"), [("a", 1, "bac"), ("c", -1, "acb"), ("c", 5, "abc"), ("a", 2, "bca"), ("x", 1, "abc")]
)
def test_an_edit_moves_and_stops_at_the_ends(edit_id: str, by: int, after: str) -> None:
    assert "".join(of.move(stacked("a", "b", "c"), edit_id, by).edit_ids) == after


def test_undo_and_redo_walk_the_same_states() -> None:
    steps: list[Callable[[Stack], Stack]] = [
        lambda s: of.add(s, "a"),
        lambda s: of.add(s, "b"),
        lambda s: of.toggle(s, "a"),
        lambda s: of.move(s, "b", -1),
        lambda s: of.drop(s, "a"),
        of.clear,
    ]
    states = [Stack()]
    for step in steps:
        states.append(step(states[-1]))
    walked = states[-1]
    for state in reversed(states[:-1]):
        walked = of.undo(walked)
        assert walked.entries == state.entries
    assert of.undo(walked) == walked
    for state in states[1:]:
        walked = of.redo(walked)
        assert walked.entries == state.entries
    assert of.redo(walked) == walked


def test_a_change_after_an_undo_forgets_what_was_undone() -> None:
    stack = of.add(of.undo(stacked("a")), "b")
    assert of.redo(stack).edit_ids == ("b",)
    assert of.undo(stack).edit_ids == ()


def test_what_changes_nothing_is_no_step() -> None:
    stack = stacked("a", "b")
    for same in (of.move(stack, "b", 1), of.drop(stack, "x"), of.toggle(stack, "x")):
        assert same is stack
    assert of.clear(Stack()).past == ()


def test_a_stack_and_its_history_have_a_length() -> None:
    stack = Stack()
    for number in range(MOST + 20):
        stack = of.add(stack, str(number))
    assert len(stack.entries) == MOST
    assert stack.edit_ids[0] == "20"
    assert len(stack.past) == HISTORY


def test_edits_that_are_gone_leave_the_history_too() -> None:
    stack = of.only(of.drop(stacked("a", "b"), "b"), lambda edit_id: edit_id != "a")
    assert stack.edit_ids == ()
    assert of.undo(stack).edit_ids == ("b",)


@given(st.lists(st.tuples(st.sampled_from(["add", "toggle", "up", "drop", "undo", "redo"]), st.sampled_from("abcd"))))
def test_no_order_of_steps_doubles_an_edit_or_changes_the_stack_it_began_from(steps: list[tuple[str, str]]) -> None:
    stack = start = stacked("a", "b")
    kept = (start.entries, start.past, start.future)
    for name, edit_id in steps:
        stack = {
            "add": lambda s, e: of.add(s, e),
            "toggle": lambda s, e: of.toggle(s, e),
            "up": lambda s, e: of.move(s, e, 1),
            "drop": lambda s, e: of.drop(s, e),
            "undo": lambda s, _e: of.undo(s),
            "redo": lambda s, _e: of.redo(s),
        }[name](stack, edit_id)
        assert len(set(stack.edit_ids)) == len(stack.edit_ids)
        assert set(stack.enabled) <= set(stack.edit_ids)
    assert (start.entries, start.past, start.future) == kept
