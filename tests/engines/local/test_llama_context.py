import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from llama_cpp import llama_cpp as llama

from tests.engines.local.llama_setup import MODEL
from voxd.engines.local import llama_context
from voxd.engines.local.llama_context import DecodeError, LlamaContext
from voxd.engines.local.step_plan import BatchToken
from voxd.errors import ModelError

pytestmark = pytest.mark.weights


def open_context(path: Path = MODEL, context_tokens: int = 256) -> LlamaContext:
    return LlamaContext(
        path,
        context_tokens=context_tokens,
        n_ctx=512,
        n_seq_max=3,
        n_batch=64,
        threads=1,
        gpu_layers=0,
    )


@pytest.fixture(scope="module")
def loaded() -> Iterator[LlamaContext]:
    context = open_context()
    yield context
    context.close()
    context.close()


@pytest.fixture
def context(loaded: LlamaContext) -> LlamaContext:
    loaded.clear()
    return loaded


def rows(tokens: list[int], sequence: int, start: int = 0) -> list[BatchToken]:
    return [
        BatchToken(token, sequence, start + i, i == len(tokens) - 1)
        for i, token in enumerate(tokens)
    ]


def logits(context: LlamaContext, row: int) -> np.ndarray:
    pointer = llama.llama_get_logits_ith(context._context, row)
    return np.ctypeslib.as_array(pointer, (context.n_vocab,)).copy()


def test_a_sequence_computes_the_same_beside_others(context: LlamaContext) -> None:
    own = context.tokenize("The capital of France is")
    other = context.tokenize("My favourite colour, as everybody knows, is")
    context.decode(rows(own, 0), 1)
    alone = logits(context, len(own) - 1)
    context.clear()
    context.decode([*rows(other, 1), *rows(own, 0), *rows(other[:3], 2)], 1)
    beside = logits(context, len(other) + len(own) - 1)
    different = logits(context, len(other) - 1)
    assert np.abs(beside - alone).max() < 0.2 < 2 < np.abs(different - alone).max()
    assert beside.argmax() == alone.argmax()


def test_a_copied_prefix_computes_the_same_as_its_source(context: LlamaContext) -> None:
    tokens = context.tokenize("The capital of France is")
    context.decode(rows(tokens, 0), 1)
    expected = logits(context, len(tokens) - 1)
    context.copy_prefix(0, 1, len(tokens) - 1)
    context.remove_from(0, 0)
    context.decode(rows(tokens[-1:], 1, len(tokens) - 1), 1)
    assert np.abs(logits(context, 0) - expected).max() < 0.2


def test_text_comes_back_from_its_tokens(context: LlamaContext) -> None:
    text = "Grüße, 日本 and 😀!\n"
    assert b"".join(map(context.piece, context.tokenize(text))).decode() == text


def test_control_tokens_are_one_token_and_have_no_text(context: LlamaContext) -> None:
    assert "<|im_end|>" in context.control_texts()
    (end,) = context.tokenize("<|im_end|>")
    assert context.is_end(end) and context.piece(end) == b""
    assert not context.is_end(context.tokenize("Hello")[0])


def test_the_gguf_brings_its_chat_template(context: LlamaContext) -> None:
    assert "<|im_start|>" in context.chat_template
    assert context.eos_text == "<|im_end|>" and not context.adds_bos


def test_a_batch_beyond_its_bound_is_refused(context: LlamaContext) -> None:
    with pytest.raises(DecodeError):
        context.decode(rows([1] * 65, 0), 1)


def test_a_batch_that_llama_refuses_is_an_error(context: LlamaContext) -> None:
    with pytest.raises(DecodeError):
        context.decode([BatchToken(-5, 0, 0, True)], 1)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.gguf is missing"):
        open_context(tmp_path / "nothing.gguf")


@pytest.mark.parametrize("length", [0, 100, 200_000])
def test_a_damaged_file_is_an_error_of_the_model(tmp_path: Path, length: int) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(MODEL.read_bytes()[:length])
    with pytest.raises(ModelError):
        open_context(damaged)


def test_more_context_than_the_model_was_trained_for_is_refused() -> None:
    with pytest.raises(ModelError, match="8192"):
        open_context(context_tokens=10_000)


def test_only_errors_of_llama_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger=llama_context.__name__):
        llama_context._log_errors(3, b"a warning", None)
        assert not caplog.records
        llama_context._log_errors(4, b"an error\n", None)
    assert [record.message for record in caplog.records] == ["llama.cpp reported an error"]
