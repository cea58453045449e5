"""The process that draws one PNG: figure JSON on standard input, the picture on standard output. See `export`.

python -m goldenlayers_core.figures.render WIDTH HEIGHT SCALE SECONDS
"""

import asyncio
import json
import sys

import kaleido


async def draw(figure: dict[str, object], width: int, height: int, scale: float, seconds: float) -> bytes:
    """PNG of `figure` (plotly JSON), `width` x `height` px times `scale`, within `seconds`."""
    options = {"format": "png", "width": width, "height": height, "scale": scale}
    # without mathjax=False Kaleido's page asks the network for it
    browser = {"mathjax": False, "timeout": seconds}
    picture: bytes = await kaleido.calc_fig(figure, opts=options, kopts=browser)
    return picture


def main() -> None:
    """Read, draw, write."""
    width, height, scale, seconds = sys.argv[1:5]
    figure = json.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(asyncio.run(draw(figure, int(width), int(height), float(scale), float(seconds))))


if __name__ == "__main__":
    main()
