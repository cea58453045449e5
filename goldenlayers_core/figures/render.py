"""The process that draws pictures: JSON on standard input, what was drawn on standard output. See `export`.

python -m goldenlayers_core.figures.render WIDTH HEIGHT SCALE SECONDS     one figure in, one PNG out
python -m goldenlayers_core.figures.render many SECONDS                   a list of orders in, a list of base64 out
"""

import asyncio
import base64
import json
import sys
from typing import Any

import kaleido


async def draw(figure: dict[str, object], width: int, height: int, scale: float, seconds: float) -> bytes:
    """PNG of `figure` (plotly JSON), `width` x `height` px times `scale`, within `seconds`."""
    options = {"format": "png", "width": width, "height": height, "scale": scale}
    # without mathjax=False Kaleido's page asks the network for it
    browser = {"mathjax": False, "timeout": seconds}
    picture: bytes = await kaleido.calc_fig(figure, opts=options, kopts=browser)
    return picture


async def draw_many(orders: list[dict[str, Any]], seconds: float) -> list[bytes]:
    """Every order (`figure`, `format`, `width`, `height`, `scale`) in one browser, each within `seconds`."""
    async with kaleido.Kaleido(n=1, timeout=seconds, mathjax=False) as browser:
        return [
            await browser.calc_fig(order["figure"], opts={name: order[name] for name in order if name != "figure"})
            for order in orders
        ]


def main() -> None:
    """Read, draw, write."""
    if sys.argv[1] == "many":
        pictures = asyncio.run(draw_many(json.loads(sys.stdin.buffer.read()), float(sys.argv[2])))
        sys.stdout.write(json.dumps([base64.b64encode(picture).decode() for picture in pictures]))
        return
    width, height, scale, seconds = sys.argv[1:5]
    figure = json.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(asyncio.run(draw(figure, int(width), int(height), float(scale), float(seconds))))


if __name__ == "__main__":
    main()
