"""The process that draws pictures: orders on standard input, base64 on standard output. See `export`.

python -m goldenlayers_core.figures.render SECONDS     what each picture may take
"""

import asyncio
import base64
import json
import sys
from typing import Any

import kaleido


async def draw(orders: list[dict[str, Any]], seconds: float) -> list[bytes]:
    """Every order (`figure`, `format`, `width`, `height`, `scale`) in one browser, each within `seconds`."""
    # without mathjax=False Kaleido's page asks the network for it
    async with kaleido.Kaleido(n=1, timeout=seconds, mathjax=False) as browser:
        return [
            await browser.calc_fig(order["figure"], opts={name: order[name] for name in order if name != "figure"})
            for order in orders
        ]


def main() -> None:
    """Read, draw, write."""
    pictures = asyncio.run(draw(json.loads(sys.stdin.buffer.read()), float(sys.argv[1])))
    sys.stdout.write(json.dumps([base64.b64encode(picture).decode() for picture in pictures]))


if __name__ == "__main__":
    main()
