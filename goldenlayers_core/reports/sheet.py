"""A sheet of lesson questions to hand out: one HTML file, without answers or with them."""

from dataclasses import dataclass

from goldenlayers_core.reports.page import rendered
from goldenlayers_core.results.learn.question import Question


@dataclass(frozen=True, slots=True)
class SheetLesson:
    """One lesson on the sheet."""

    title: str  # "Lesson 1. What a model knows"
    afterwards: tuple[str, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything on the sheet, as plain text: nothing in it is taken for markup."""

    model: str  # that the answers were computed on
    lessons: tuple[SheetLesson, ...]
    made: str  # when, in words

    @property
    def n_questions(self) -> int:
        return sum(len(lesson.questions) for lesson in self.lessons)


def sheet_html(sheet: Sheet, answers: bool) -> str:
    """One HTML page that needs nothing else; every lesson begins a new page in print."""
    return rendered("sheet.html", sheet=sheet, answers=answers)
