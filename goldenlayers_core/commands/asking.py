"""Commands that ask the same question share its options: `sweep` and `plan sweep`."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Q = TypeVar("Q")


def asking(question: Callable[..., Q]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `question`, before its own; its first argument is the question they make."""

    def give(command: Callable[..., None]) -> Callable[..., None]:
        theirs = list(inspect.signature(question).parameters.values())
        own = list(inspect.signature(command).parameters.values())[1:]

        def run(**given: Any) -> None:
            mine = {option.name: given.pop(option.name) for option in own}
            command(question(**given), **mine)

        options = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in (*theirs, *own)]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {option.name: option.annotation for option in options}
        vars(run)["__signature__"] = inspect.Signature(options)
        return run

    return give
