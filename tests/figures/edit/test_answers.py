from dataclasses import replace

import pytest

from goldenlayers_core.figures import probe_changes, top_tokens
from goldenlayers_core.figures.edit.answers import MAX_PROBES, token_text
from goldenlayers_core.figures.text import plain
from goldenlayers_core.figures.theme import LIGHT
from goldenlayers_core.results import View


def test_tokens_are_side_by_side_in_their_own_order(report):
    figure = top_tokens(report.before, report.after)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert list(bars[0].x) == [0.62, 0.08, 0.004]
    assert list(bars[1].x) == [0.88, 0.04, 0.0001]
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range
    assert list(bars[1].marker.color) == [LIGHT.blue, LIGHT.slate, LIGHT.blue]  # blue: new among the ten
    assert plain(figure.layout.title.text).endswith("turns from “Paris” (62 %) to “Rome” (88 %)")


def test_tokens_show_white_space_and_escape_markup(report):
    texts = [
        text for trace in top_tokens(report.before, report.after).data if trace.type == "scatter" for text in trace.text
    ]
    assert any(text.startswith("·Paris") for text in texts)
    assert any(text.startswith("⏎") for text in texts)
    assert any(text.startswith("·&lt;b&gt;") for text in texts)
    assert token_text("") == "(empty)"


def test_same_token_before_and_after(report):
    title = plain(top_tokens(report.before, report.before).layout.title.text)
    assert "stays “Paris”" in title


def test_views_without_tokens():
    empty = View("", 0.0, 0.0, ())
    assert plain(top_tokens(empty, empty).layout.title.text) == "No next token was recorded"


def marks(figure, name):
    return {
        details[0]: (x, y)
        for trace in figure.data
        if trace.name == name
        for x, y, details in zip(trace.x, trace.y, trace.customdata, strict=True)
    }


def test_probes_go_from_before_to_after_of_the_answer_they_watch(report):
    figure = probe_changes(report)
    before, after = marks(figure, "before, as wished"), marks(figure, "after, as wished")
    assert before[1][0] == 0.001  # the rewrite watches the new answer
    assert after[1][0] == 0.88
    assert (before[0][0], after[0][0]) == (0.6, 0.5)  # locality watches the old one
    assert marks(figure, "after, not as wished")[2][0] == 0.12
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]


def test_probes_are_grouped_by_kind_ticked_and_crossed(report):
    figure = probe_changes(report)
    headers = [mark.text for mark in figure.layout.annotations if mark.name == "kind"]
    assert headers == ["new answer: 1 of 1", "new answer: 0 of 1", "old answer: 1 of 2"]
    axis = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    kinds = {y: plain(text) for y, text in axis.items() if text.startswith("<b>")}
    assert kinds == {-0.9: "rewrite", 1.1: "rephrase", 3.1: "locality"}
    assert [text[-1] for y, text in axis.items() if y not in kinds] == ["✓", "✗", "✓", "✗"]
    assert sorted({*axis} - {*kinds}) == [0, 2, 4, 5]  # a free line above every further kind


def test_the_head_of_a_kind_stays_right_of_the_axis(report):
    notes = [mark for mark in probe_changes(report).layout.annotations if mark.name == "kind"]
    assert all((mark.x, mark.xanchor) == (0, "left") and mark.xshift >= 0 and mark.bgcolor for mark in notes)


def test_a_probe_without_an_answer_says_so_and_leaves_no_nan(report):
    figure = probe_changes(report)
    (note,) = [mark for mark in figure.layout.annotations if mark.name == "no answer"]
    assert note.text == "moved by 0.9 nats"
    assert 3 not in marks(figure, "before, not as wished")
    assert "NaN" not in figure.to_json()


def test_probes_title(report):
    title = plain(probe_changes(report).layout.title.text)
    assert title == "The edit took: 2 of 4 probes came out as wished"
    missed = replace(report, took=False)
    assert plain(probe_changes(missed).layout.title.text).startswith("The edit did not take")


def test_many_probes_are_cut_with_a_notice(report):
    many = replace(report, outcomes=report.outcomes * 30)
    figure = probe_changes(many)
    assert sum(text[-1] in "✓✗" for text in figure.layout.yaxis.ticktext) == MAX_PROBES
    assert f"the first {MAX_PROBES} of 120 probes" in plain(figure.layout.title.subtitle.text)


@pytest.mark.parametrize("dark", [False, True])
def test_an_edit_without_probes(report, dark):
    figure = probe_changes(replace(report, outcomes=()), dark)
    assert "0 of 0 probes" in plain(figure.layout.title.text)


def test_markup_in_answers_is_escaped(report):
    outcome = report.outcomes[1]
    dirty = replace(outcome, prompt="<b>p</b>", after=replace(outcome.after, answer="<i>&</i>"))
    figure = probe_changes(replace(report, outcomes=(dirty,)))
    (text,) = next(trace.text for trace in figure.data if trace.name == "after, as wished")
    assert "&lt;b&gt;p" in text
    assert "&lt;i&gt;&amp;&lt;/i&gt;" in text
