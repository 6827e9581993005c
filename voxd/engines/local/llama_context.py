"""One GGUF model and one llama.cpp context that holds many sequences. Worker side only.

Only this file and `llama_sampler` call llama.cpp, through the low-level ctypes API of
llama-cpp-python: its high-level `Llama` class knows one sequence and cannot decode several
calls in one batch. Nothing here decides anything: `llama_batch` does.

The KV cache is *unified*: all sequences share one buffer of cells, so that copying a prefix from
one sequence to another only marks cells and costs nothing (`copy_prefix`). llama.cpp's own log is
off except for its errors, which name files and sizes, never the prompt.

On processors flash attention, which llama.cpp would choose, is off: behind 900 tokens of one call
14 more take two threads 43 ms instead of 59, one more 9 instead of 11 (SmolLM2-135M, AVX2). It
leaves out the cells of other calls, so with several the gain is smaller: four calls with 600 tokens
in common and 300 of their own 58 instead of 62, with 60 in common and 840 of their own 76 instead
of 66 ms.

Not thread-safe, like llama.cpp's context: one thread owns the object.
"""

import ctypes
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
from llama_cpp import llama_cpp as llama

from voxd.engines.local.llama_sampler import CallSampler, Sampler
from voxd.engines.local.step_plan import BatchToken
from voxd.errors import ModelError, VoxdError

logger = logging.getLogger(__name__)

_LOG_ERROR = 4
"""`GGML_LOG_LEVEL_ERROR` of ggml.h (the comment in llama-cpp-python numbers them otherwise)."""
_PIECE_BYTES = 64
"""First guess for the bytes of one token; llama.cpp says when it needs more."""


_ALL_LAYERS = 0x7FFFFFFF


class DecodeError(VoxdError):
    """llama.cpp could not compute a batch; what the sequences hold is unknown now."""


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log_errors(level: int, text: bytes, _: Any) -> None:
    if level == _LOG_ERROR:
        detail = text.decode("utf-8", "replace").strip()
        logger.error("llama.cpp reported an error", extra={"detail": detail})


class LlamaContext:
    """A loaded model with room for `n_seq_max` sequences in `n_ctx` cells."""

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int,
        n_ctx: int,
        n_seq_max: int,
        n_batch: int,
        threads: int,
        gpu_layers: int,
    ) -> None:
        """Load the weights (memory-mapped) and reserve the KV cache.

        Args:
            context_tokens: most tokens that one sequence will have.
            n_ctx: cells of the KV cache, all sequences together.
            n_batch: most tokens of one `decode`.
            gpu_layers: layers on a GPU; -1 for all.

        Raises:
            ModelError: no GGUF, damaged, without a chat template, of a kind that writes no text,
                trained for less than `context_tokens`, or the memory does not suffice.
        """
        llama.llama_log_set(_log_errors, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self._context: Any = None
        self._batch: Any = None
        if not path.is_file():
            raise ModelError(f"{path} is missing")
        model_params = llama.llama_model_default_params()
        model_params.n_gpu_layers = _ALL_LAYERS if gpu_layers < 0 else gpu_layers
        model_params.use_mmap = True
        self._model: Any = llama.llama_model_load_from_file(str(path).encode(), model_params)
        if not self._model:
            raise ModelError(f"{path} is no GGUF model that llama.cpp can load")
        try:
            self._vocab: Any = llama.llama_model_get_vocab(self._model)
            self.chat_template = self._read_template(path)
            trained = llama.llama_model_n_ctx_train(self._model)
            if context_tokens > trained:
                raise ModelError(f"{path} was trained for {trained} tokens, not {context_tokens}")
            self._open_context(path, n_ctx, n_seq_max, n_batch, threads, gpu_layers)
        except ModelError:
            self.close()
            raise
        self.n_vocab = int(llama.llama_vocab_n_tokens(self._vocab))
        self.can_share = not (
            llama.llama_model_is_recurrent(self._model) or llama.llama_model_is_hybrid(self._model)
        )
        """Whether part of a sequence may be copied or removed (not in recurrent models)."""
        self.bos = int(llama.llama_vocab_bos(self._vocab))
        self.adds_bos = bool(llama.llama_vocab_get_add_bos(self._vocab))
        self.bos_text = self._text(self.bos)
        self.eos_text = self._text(int(llama.llama_vocab_eos(self._vocab)))

    def _read_template(self, path: Path) -> str:
        template: bytes | None = llama.llama_model_chat_template(self._model, None)
        if not template:
            raise ModelError(f"{path} has no chat template")
        if llama.llama_model_has_encoder(self._model) or not llama.llama_model_has_decoder(
            self._model
        ):
            raise ModelError(f"{path} is no model that writes text")
        return template.decode("utf-8", "replace")

    def _open_context(
        self,
        path: Path,
        n_ctx: int,
        n_seq_max: int,
        n_batch: int,
        threads: int,
        gpu_layers: int,
    ) -> None:
        params = llama.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_seq_max = n_seq_max
        params.n_batch = params.n_ubatch = n_batch
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True
        params.no_perf = True
        if gpu_layers == 0:
            params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context = llama.llama_init_from_model(self._model, params)
        if not self._context:
            raise ModelError(f"{path}: no room for a context of {n_ctx} tokens")
        self._memory: Any = llama.llama_get_memory(self._context)
        self._threads = threads
        self._batch = llama.llama_batch_init(n_batch, 0, 1)
        self._n_batch = n_batch

    def close(self) -> None:
        """Free everything; harmless when done twice."""
        if self._batch is not None:
            llama.llama_batch_free(self._batch)
            self._batch = None
        if self._context:
            llama.llama_free(self._context)
            self._context = None
        if self._model:
            llama.llama_model_free(self._model)
            self._model = None

    # --- words ------------------------------------------------------------------------------

    def tokenize(self, text: str) -> list[int]:
        """Text with the template's control tokens in it to token ids; adds none of its own."""
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        tokens = (llama.llama_token * room)()
        count = llama.llama_tokenize(self._vocab, raw, len(raw), tokens, room, False, True)
        if count < 0:
            raise DecodeError("text cannot be cut into tokens")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """The bytes of one token, perhaps a part of a character; nothing for control tokens."""
        return self._piece(token, special=False)

    def is_end(self, token: int) -> bool:
        """Whether the model means by this token that its reply is over."""
        return bool(llama.llama_vocab_is_eog(self._vocab, token))

    def control_texts(self) -> list[str]:
        """How the control tokens are spelled, to keep them out of what people say."""
        ids = range(self.n_vocab)
        controls = (t for t in ids if llama.llama_vocab_is_control(self._vocab, t))
        return [text for text in map(self._text, controls) if text]

    def _text(self, token: int) -> str:
        return self._piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""

    def _piece(self, token: int, *, special: bool) -> bytes:
        room = _PIECE_BYTES
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = llama.llama_token_to_piece(self._vocab, token, buffer, room, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            room = -count

    # --- sequences --------------------------------------------------------------------------

    def remove_from(self, sequence: int, start: int) -> bool:
        """Forget a sequence's tokens from position `start` on; False: the model cannot."""
        return bool(llama.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def copy_prefix(self, source: int, target: int, length: int) -> None:
        """Let an *empty* sequence share the first `length` tokens of another."""
        llama.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def clear(self) -> None:
        """Forget every sequence."""
        llama.llama_memory_clear(self._memory, False)

    def decode(self, tokens: Sequence[BatchToken], threads: int) -> None:
        """Compute one batch with so many threads.

        Raises:
            DecodeError: llama.cpp refused or failed; the caller clears the context.
        """
        if len(tokens) > self._n_batch:
            raise DecodeError(f"a batch of {len(tokens)} tokens")
        if threads != self._threads:
            llama.llama_set_n_threads(self._context, threads, threads)
            self._threads = threads
        batch = self._batch
        batch.n_tokens = len(tokens)
        for row, item in enumerate(tokens):
            batch.token[row] = item.token
            batch.pos[row] = item.position
            batch.n_seq_id[row] = 1
            batch.seq_id[row][0] = item.sequence
            batch.logits[row] = item.wants_logits
        code = llama.llama_decode(self._context, batch)
        if code != 0:
            raise DecodeError(f"llama_decode answered {code}")

    def new_sampler(self, temperature: float, seed: int) -> Sampler:
        """A sampler for one reply; greedy (but for the repeat penalty) at temperature 0."""
        return Sampler(self.n_vocab, temperature, seed)

    def new_call_sampler(self, grammar: str, begins: str) -> tuple[CallSampler, list[int]] | None:
        """A sampler for a reply that begins with this text, and that text's tokens.

        None where it cannot be: the grammar is none, or the vocabulary cannot write the text (some
        put a space before it, which the grammar would not allow).
        """
        tokens = self.tokenize(begins)
        if b"".join(map(self.piece, tokens)) != begins.encode():
            return None
        try:
            sampler = CallSampler(self._vocab, grammar)
        except ValueError:
            return None
        for token in tokens:
            sampler.accept(token)
        return sampler, tokens

    def sample(self, sampler: Sampler | CallSampler, row: int) -> int:
        """Choose the token that follows row `row` of the last batch."""
        return sampler.sample(self._context, row)
