"""Lesson 1: what a model knows, and how to ask it."""

from pages._shared import lesson


def section() -> None:
    """Asks the live model; its own next words are the picture."""
    lesson.text("know", "intro")
    if lesson.model() is None:
        return
