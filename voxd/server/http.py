"""The HTTP application: its routes and their bounds."""

from aiohttp import web

from voxd.server import api, health
from voxd.server.after import answer_after
from voxd.server.media import serve_media
from voxd.server.metrics import answer_metrics
from voxd.server.progress import answer_answerer, answer_status
from voxd.server.state import STATE, ServerState
from voxd.server.turns import answer_gather, answer_more, hear_partial
from voxd.server.voice import answer_voice

MAX_BODY_BYTES = 64 * 1024
"""A webhook has some forty fields and 2 KiB."""


def build_app(state: ServerState) -> web.Application:
    """All routes over one state."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[STATE] = state
    app.on_cleanup.append(_end_turn_calls)
    app.router.add_post("/twilio/voice", answer_voice)
    app.router.add_post("/twilio/after", answer_after)
    app.router.add_post("/twilio/gather", answer_gather)
    app.router.add_post("/twilio/more", answer_more)
    app.router.add_post("/twilio/partial", hear_partial)
    app.router.add_get("/twilio/media", serve_media)
    app.router.add_post("/twilio/status", answer_status)
    app.router.add_post("/twilio/answerer", answer_answerer)
    app.router.add_post("/api/calls", api.place_call)
    app.router.add_get("/api/calls/{call_sid}", api.tell_call)
    app.router.add_patch("/api/calls/{call_sid}", api.redirect_call)
    app.router.add_delete("/api/calls/{call_sid}", api.hang_up_call)
    app.router.add_get("/health/live", health.answer_live)
    app.router.add_get("/health/ready", health.answer_ready)
    app.router.add_get("/health", health.answer_health)
    app.router.add_get("/calls/{call_sid}", health.answer_call)
    app.router.add_get("/metrics", answer_metrics)
    return app


async def _end_turn_calls(app: web.Application) -> None:
    """Calls in turns hang on no connection whose end would end them."""
    await app[STATE].turn_calls.aclose()
