"""pipecat answering Twilio's media streams. Runs in the peer's environment.

    python -m benches.peer.agent SETUP.json

answers `POST /twilio/voice` with TwiML that names its WebSocket, as pipecat's Twilio guide does,
and holds one pipeline per call. `/ready` answers once the models are loaded and warm.
"""

import asyncio
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response, WebSocket

from benches.peer.bot import Models, hold_call
from benches.peer.setup import AgentSetup

TWIML = """\
<?xml version="1.0" encoding="UTF-8"?>
<Response><Connect><Stream url="ws://127.0.0.1:{port}/media"/></Connect></Response>"""


def build_app(setup: AgentSetup, models: Models) -> FastAPI:
    """The web server."""
    app = FastAPI()

    @app.post("/twilio/voice")  # type: ignore[untyped-decorator]
    async def voice() -> Response:
        return Response(TWIML.format(port=setup.port), media_type="application/xml")

    @app.get("/ready")  # type: ignore[untyped-decorator]
    async def ready() -> Response:
        return Response("ready")

    @app.websocket("/media")  # type: ignore[untyped-decorator]
    async def media(websocket: WebSocket) -> None:
        await websocket.accept()
        await hold_call(websocket, setup, models)

    return app


def main(file: str) -> None:
    """Load the models, then serve until SIGTERM."""
    setup = AgentSetup.decode(Path(file).read_text(encoding="utf-8"))
    models = Models(setup)
    asyncio.run(models.warm_up())
    uvicorn.run(build_app(setup, models), host="127.0.0.1", port=setup.port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1])
