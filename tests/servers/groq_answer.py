"""One streamed reply of the loopback Groq server."""

import asyncio
import time
from typing import Any

import orjson
from aiohttp import web

from tests.servers.groq_script import Exchange, Script, Trouble

QUEUE_S = 0.02
"""What `x_groq.usage` claims."""


class Answer:
    """One streamed reply."""

    def __init__(
        self,
        script: Script,
        body: dict[str, Any],
        exchange: Exchange,
        request: web.Request,
        response: web.StreamResponse,
    ) -> None:
        self._script = script
        self._body = body
        self._exchange = exchange
        self._request = request
        self._response = response
        self._is_groq = script.dialect == "groq"
        self._limit: int | None = body.get("max_completion_tokens", body.get("max_tokens"))
        self._completion_tokens = 0

    async def write(self) -> None:
        script = self._script
        await self._chunk({"role": "assistant", "content": ""}, groq={"id": "req_1"})
        tokens, tools = list(script.reply(_last_user_text(self._body))), script.tools
        if script.answer is not None:
            answer = script.answer(self._body["messages"])
            tokens, tools = list(answer.tokens), answer.tools
        if await self._maybe_fail(0):
            return
        await asyncio.sleep(script.first_token_s)
        for token in script.reasoning:
            if not self._may_write():
                break
            if self._body.get("include_reasoning", True):
                await self._chunk({"reasoning": token})
            await asyncio.sleep(script.token_s)
        for number, token in enumerate(tokens):
            if not self._may_write():
                break
            self._exchange.sent.append((time.monotonic(), token))
            await self._chunk({"content": token})
            if await self._maybe_fail(number + 1):
                return
            await asyncio.sleep(script.token_s)
        for call in tools:
            await self._chunk({"tool_calls": [call]})
        await self._finish("tool_calls" if tools else "stop")

    async def _finish(self, reason: str) -> None:
        if self._limit is not None and self._completion_tokens > self._limit:
            reason = "length"
            self._completion_tokens = self._limit
        usage = {
            "prompt_tokens": sum(len(m["content"].split()) for m in self._body["messages"]),
            "completion_tokens": self._completion_tokens,
            "total_tokens": 0,
        }
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        timed = {"queue_time": QUEUE_S, "prompt_time": 0.002, "completion_time": 0.012} | usage
        await self._chunk({}, finish_reason=reason, groq={"id": "req_1", "usage": timed})
        if (self._body.get("stream_options") or {}).get("include_usage"):
            await self._send({**self._frame(), "choices": [], "usage": usage})
        await self._response.write(b"data: [DONE]\n\n")

    def _may_write(self) -> bool:
        self._completion_tokens += 1
        return self._limit is None or self._completion_tokens <= self._limit

    async def _maybe_fail(self, sent: int) -> bool:
        """Bring the scripted fault about; True when nothing may follow."""
        fault = self._script.fault
        if fault is None or fault.after != sent:
            return False
        error = {"error": {"message": "scripted", "type": "server_error", "code": fault.code}}
        trouble = fault.trouble
        if trouble is Trouble.STALL:
            await asyncio.Event().wait()
        elif trouble is Trouble.DROP and self._request.transport is not None:
            self._request.transport.abort()
            raise ConnectionResetError
        elif trouble is Trouble.ERROR_EVENT:
            await self._response.write(b"event: error\ndata: " + orjson.dumps(error) + b"\n\n")
        elif trouble is Trouble.ERROR_LINE:
            await self._send(error)
        elif trouble is Trouble.GARBAGE:
            await self._response.write(fault.garbage)
        elif trouble is Trouble.STOPPED:
            await self._chunk({}, groq={"id": "req_1", "error": "over capacity"})
        return True

    async def _chunk(
        self,
        delta: dict[str, Any],
        *,
        finish_reason: str | None = None,
        groq: dict[str, Any] | None = None,
    ) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = {**self._frame(), "choices": [choice]}
        if groq is not None and self._is_groq:
            chunk["x_groq"] = groq
        await self._send(chunk)

    def _frame(self) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self._body["model"],
            "system_fingerprint": "fp_1",
        }

    async def _send(self, data: dict[str, Any]) -> None:
        await self._response.write(b"data: " + orjson.dumps(data) + b"\n\n")


def _last_user_text(body: dict[str, Any]) -> str:
    texts = [str(m["content"]) for m in body["messages"] if m["role"] == "user"]
    return texts[-1] if texts else ""
