"""What a screen says, in markup: everything of it that is not a picture."""

from html import escape as html
from typing import Final

from goldenlayers_core.tasks.present.slide import About, Change, Number, Side, Slide

_FEW: Final = 3  # probes that stand below each other in full size


def of_slide(slide: Slide) -> str:
    """All of a screen's words."""
    many = " gl-many" if len(slide.changes) > _FEW else ""
    parts = [f"<p class='gl-mark'>{html(slide.mark)}</p>"] if slide.mark else []
    parts += [f"<h1 class='gl-headline'>{html(slide.headline)}</h1>"]
    parts += [f"<p class='gl-say'>{html(slide.say)}</p>"] if slide.say else []
    parts += [f"<dl class='gl-about'>{''.join(map(_about, slide.about))}</dl>"] if slide.about else []
    parts += [f"<p class='gl-asked'>{html(slide.prompt)} …</p>"] if slide.prompt else []
    parts += [f"<div class='gl-two'>{''.join(map(_side, slide.sides))}</div>"] if slide.sides else []
    parts += [f"<div class='gl-two'>{''.join(map(_number_of, slide.numbers))}</div>"] if slide.numbers else []
    parts += [f"<ul class='gl-changes{many}'>{''.join(map(_change, slide.changes))}</ul>"] if slide.changes else []
    points = "".join(f"<li>{html(point)}</li>" for point in slide.points)
    parts += [f"<ul class='gl-points'>{points}</ul>"] if points else []
    room = " gl-stage-drawn" if slide.draw is not None else ""
    return f"<div class='gl-stage{room}'>{''.join(parts)}</div>"


def _about(line: About) -> str:
    return f"<dt>{html(line.name)}</dt><dd>{html(line.value)}</dd>"


def _side(side: Side) -> str:
    title = f"<span class='gl-when'>{html(side.title)}</span>" if side.title else ""
    look = f"gl-side gl-side-{side.title.lower()}" if side.title else "gl-side"
    return f"<div class='{look}'>{title}<strong>{html(side.answer)}</strong></div>"


def _number_of(number: Number) -> str:
    return (
        f"<div class='gl-side'><strong>{html(number.value)}</strong>"
        f"<span class='gl-when'>{html(number.meaning)}</span></div>"
    )


def _change(change: Change) -> str:
    look, mark = ("gl-yes", "✓") if change.good else ("gl-no", "✗")
    moved = html(change.after) if change.before == change.after else f"{html(change.before)} → {html(change.after)}"
    return (
        f"<li><span class='gl-asked'>{html(change.prompt)} …</span><strong>{moved}</strong> "
        f"<span class='{look}'>{mark} {change.word}</span></li>"
    )
