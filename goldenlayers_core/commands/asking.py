"""Commands that ask the same question share its options: `sweep` and `plan sweep`."""

import inspect
from collections.abc import Callable
from typing import Any


def asking(*questions: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of each question, before its own; its first arguments are what they make."""

    def give(command: Callable[..., None]) -> Callable[..., None]:
        theirs = [list(inspect.signature(question).parameters.values()) for question in questions]
        own = list(inspect.signature(command).parameters.values())[len(questions) :]

        def run(**given: Any) -> None:
            mine = {option.name: given.pop(option.name) for option in own}
            asked = [
                question(**{option.name: given[option.name] for option in options})
                for question, options in zip(questions, theirs, strict=True)
            ]
            command(*asked, **mine)

        options = [
            option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for option in (*(o for all_ in theirs for o in all_), *own)
        ]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {option.name: option.annotation for option in options}
        vars(run)["__signature__"] = inspect.Signature(options)
        return run

    return give
