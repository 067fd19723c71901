"""A console's server without pages: ``python -m tests.console.serving FOLDER SPEED`` answers as suggested.

It prints what the engine says, so that a test knows when to do something to this process.
"""

import asyncio
import sys
from pathlib import Path

from qst.console.hub import Hub
from qst.console.messages import Asked, Event
from qst.console.offer import make_offer
from qst.console.session_state import Phase
from qst.visit.operator import PromptKind
from tests.console.engine import request


async def serve(folder: Path, speed: str) -> None:
    """One visit."""
    hub = Hub(folder, make_offer((), (), "op1"))
    page = hub.views.attach("only", "page")
    over = asyncio.Event()

    def heard(event: Event | None) -> None:
        print(event, flush=True)  # noqa: T201 - what this program is for
        hub.views.heard(page)
        if hub.phase is Phase.ENDED:
            over.set()
        if isinstance(event, Asked):
            asyncio.get_running_loop().call_soon(answer, event)

    def answer(asked: Asked) -> None:
        if asked.kind is PromptKind.PLACE and hub.visit is not None and hub.visit.current is not None:
            hub.confirm_side(hub.visit.current.side)
        hub.answer(asked.suggested)

    hub.listen(heard)
    hub.begin(request(folder, speed=speed))
    await over.wait()
    hub.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
