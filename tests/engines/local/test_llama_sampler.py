from collections.abc import Iterator

import pytest

from tests.engines.local.llama_setup import MODEL
from voxd.engines.local.llama_context import LlamaContext
from voxd.engines.local.llama_sampler import Sampler, Sampling
from voxd.engines.local.step_plan import BatchToken

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def context() -> Iterator[LlamaContext]:
    """Has computed what follows `The capital of France is`."""
    loaded = LlamaContext(
        MODEL, context_tokens=256, n_ctx=256, n_seq_max=1, n_batch=64, threads=1, gpu_layers=0
    )
    tokens = loaded.tokenize("The capital of France is")
    loaded.decode([BatchToken(token, 0, i, True) for i, token in enumerate(tokens)], 1)
    yield loaded
    loaded.close()


def sample(context: LlamaContext, sampler: Sampler, count: int = 1) -> list[bytes]:
    pieces = [context.piece(context.sample(sampler, 4)) for _ in range(count)]
    sampler.close()
    sampler.close()
    return pieces


def test_temperature_zero_takes_the_most_probable_token(context: LlamaContext) -> None:
    assert sample(context, context.new_sampler(0.0, 1)) == [b" Paris"]


def test_the_same_seed_chooses_the_same_tokens(context: LlamaContext) -> None:
    def chosen(seed: int) -> list[bytes]:
        return sample(context, Sampler(context.n_vocab, 2.0, seed, Sampling(top_p=1, min_p=0)), 8)

    assert chosen(1) == chosen(1) != chosen(2)


def test_a_repeated_token_loses_against_the_penalty(context: LlamaContext) -> None:
    strong = Sampler(context.n_vocab, 0.0, 1, Sampling(repeat_penalty=5.0))
    assert len(set(sample(context, strong, 3))) == 3
