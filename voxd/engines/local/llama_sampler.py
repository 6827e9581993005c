"""How the next token of a reply is chosen: a chain of llama.cpp's samplers. Worker side only."""

from dataclasses import dataclass
from typing import Any

from llama_cpp import llama_cpp as llama


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. The shipped model is small: narrow choices keep it coherent."""

    top_k: int = 40
    """Only the most probable tokens; first in the chain, so that the rest is cheap."""
    top_p: float = 0.9
    """Smallest set of tokens with this much probability."""
    min_p: float = 0.05
    """At least this share of the best token's probability."""
    repeat_penalty: float = 1.1
    """Divides the logit of tokens that the reply already used; 1.0 is off."""
    repeat_last_n: int = 64
    """How many of the reply's last tokens count as used."""


DEFAULT = Sampling()


class CallSampler:
    """Chooses the most probable token that a grammar allows."""

    def __init__(self, vocab: Any, grammar: str) -> None:
        """
        Raises:
            ValueError: llama.cpp does not understand the grammar.
        """
        rules = llama.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
        if not rules:
            raise ValueError("llama.cpp does not understand the grammar")
        self._chain: Any = llama.llama_sampler_chain_init(
            llama.llama_sampler_chain_default_params()
        )
        llama.llama_sampler_chain_add(self._chain, rules)
        llama.llama_sampler_chain_add(self._chain, llama.llama_sampler_init_greedy())

    def accept(self, token: int) -> None:
        """This token stands in the reply already; the grammar must allow it."""
        llama.llama_sampler_accept(self._chain, token)

    def sample(self, context: Any, row: int) -> int:
        """See `Sampler`."""
        return int(llama.llama_sampler_sample(self._chain, context, row))

    def close(self) -> None:
        """Free it; harmless when done twice."""
        if self._chain is not None:
            llama.llama_sampler_free(self._chain)
            self._chain = None


class Sampler:
    """Chooses one reply's tokens; remembers them for the repeat penalty."""

    def __init__(
        self, n_vocab: int, temperature: float, seed: int, sampling: Sampling = DEFAULT
    ) -> None:
        chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        parts = [
            llama.llama_sampler_init_top_k(sampling.top_k),
            llama.llama_sampler_init_penalties(
                n_vocab, sampling.repeat_last_n, sampling.repeat_penalty, 0.0, 0.0
            ),
        ]
        if temperature <= 0:
            parts.append(llama.llama_sampler_init_greedy())
        else:
            parts += [
                llama.llama_sampler_init_top_p(sampling.top_p, 1),
                llama.llama_sampler_init_min_p(sampling.min_p, 1),
                llama.llama_sampler_init_temp(temperature),
                llama.llama_sampler_init_dist(seed),
            ]
        for part in parts:
            llama.llama_sampler_chain_add(chain, part)
        self._chain: Any = chain

    def sample(self, context: Any, row: int) -> int:
        """The next token, from the logits that row `row` of the last batch asked for."""
        return int(llama.llama_sampler_sample(self._chain, context, row))

    def close(self) -> None:
        """Free it; harmless when done twice."""
        if self._chain is not None:
            llama.llama_sampler_free(self._chain)
            self._chain = None
