from voxd.engines.local.llama_sequences import Held, SequencePool


class ListCache:
    """A KV cache of plain lists, so that `held` can be compared with what is really there."""

    def __init__(self, *, can_share: bool = True) -> None:
        self.can_share = can_share
        self.cells: dict[int, list[int]] = {}

    def remove_from(self, sequence: int, start: int) -> bool:
        if start > 0 and not self.can_share:
            return False
        self.cells[sequence] = self.cells.get(sequence, [])[:start]
        return True

    def copy_prefix(self, source: int, target: int, length: int) -> None:
        assert not self.cells.get(target), "only an empty sequence may be copied to"
        self.cells[target] = self.cells[source][:length]

    def clear(self) -> None:
        self.cells.clear()


class Calls:
    """A pool and its cache, and a way to put tokens into both."""

    def __init__(self, *, can_share: bool = True, shelf_tokens: int = 10) -> None:
        self.cache = ListCache(can_share=can_share)
        self.pool = SequencePool(self.cache, calls=2, shelf=2, shelf_tokens=shelf_tokens)

    def read(self, call_id: str, prompt: list[int]) -> tuple[Held, int]:
        held = self.pool.find(call_id) or self.pool.find_free()
        assert held is not None
        held.call_id = call_id
        shared = self.pool.reuse(held, prompt, spare=0)
        self.cache.cells.setdefault(held.number, []).extend(prompt[shared:])
        held.tokens += prompt[shared:]
        assert self.cache.cells[held.number] == held.tokens == prompt
        return held, shared


def test_a_call_keeps_what_its_next_prompt_begins_with() -> None:
    calls = Calls()
    calls.read("a", [1, 2, 3, 4])
    assert calls.read("a", [1, 2, 3, 9, 9])[1] == 3


def test_a_new_call_copies_from_any_other_call() -> None:
    calls = Calls()
    calls.read("a", [1, 2, 3, 4])
    assert calls.read("b", [1, 2, 3, 5])[1] == 3


def test_the_last_tokens_can_be_spared() -> None:
    calls = Calls()
    held, _ = calls.read("a", [1, 2, 3])
    assert calls.pool.reuse(held, [1, 2, 3], spare=1) == 2
    assert held.tokens == [1, 2]


def test_the_shelf_outlives_the_call() -> None:
    calls = Calls()
    held, _ = calls.read("a", [1, 2, 3, 4])
    calls.pool.shelve(held, 3)
    calls.pool.release(held)
    assert calls.pool.in_use == 0 and not calls.cache.cells[held.number]
    assert calls.read("b", [1, 2, 3, 5])[1] == 3


def test_the_shelf_drops_what_was_used_least_recently() -> None:
    calls = Calls()
    for prompt in ([1, 1], [2, 2]):
        held, _ = calls.read("a", prompt)
        calls.pool.shelve(held, 2)
    held, _ = calls.read("a", [1, 1, 5])
    assert calls.pool.is_shelved(held)
    held, _ = calls.read("a", [3, 3])
    calls.pool.shelve(held, 2)
    calls.pool.release(held)
    assert [calls.read(f"{p}", [p, p])[1] for p in (1, 3)] == [2, 2]
    assert not calls.pool.is_shelved(Held(9, tokens=[2, 2]))


def test_the_shelf_is_bounded_in_tokens() -> None:
    calls = Calls(shelf_tokens=5)
    held, _ = calls.read("a", [1, 1, 1, 1])
    calls.pool.shelve(held, 4)
    held, _ = calls.read("a", [2, 2, 2])
    calls.pool.shelve(held, 3)
    assert sum(len(calls.cache.cells[number]) for number in (2, 3)) == 3
    held, _ = calls.read("a", [3] * 6)
    calls.pool.shelve(held, 6)
    assert not calls.pool.is_shelved(held)


def test_a_recurrent_model_shares_nothing_and_forgets_everything() -> None:
    calls = Calls(can_share=False)
    calls.read("a", [1, 2, 3, 4])
    assert calls.read("b", [1, 2, 3, 4])[1] == 0
    assert calls.read("a", [1, 2, 3, 4, 5])[1] == 4
    assert calls.read("a", [1, 2, 9])[1] == 0


def test_clearing_keeps_the_owners() -> None:
    calls = Calls()
    calls.read("a", [1, 2])
    calls.pool.clear()
    assert calls.pool.in_use == 1 and not calls.cache.cells
    assert calls.read("a", [1, 2])[1] == 0


def test_sequences_run_out() -> None:
    calls = Calls()
    calls.read("a", [1])
    calls.read("b", [2])
    assert calls.pool.find_free() is None
