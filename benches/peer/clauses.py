"""A text aggregator for pipecat that cuts replies as voxd does. Runs in the peer's environment.

pipecat waits for the end of the first sentence before it speaks, and provides for other text
aggregators. This one is voxd's own splitter: what is then left of the difference has other causes.
"""

from collections.abc import AsyncIterator

from pipecat.utils.text.base_text_aggregator import Aggregation, BaseTextAggregator, TextType

from voxd.dialog.sentences import ClauseSplitter


class ClauseAggregator(BaseTextAggregator):  # type: ignore[misc]  # pipecat is not installed here
    """Clauses of one reply after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._splitter = ClauseSplitter()
        self._rest = ""

    @property
    def text(self) -> Aggregation:
        """What was not given away yet."""
        return Aggregation(text=self._rest.strip(), type=TextType.SENTENCE)

    async def aggregate(self, text: str) -> AsyncIterator[Aggregation]:
        """Take text of the model, yield what is to be spoken."""
        self._rest += text
        for clause in self._splitter.feed(text):
            self._rest = self._rest.lstrip()[len(clause) :]
            yield Aggregation(text=clause, type=TextType.SENTENCE)

    async def flush(self) -> Aggregation | None:
        """The rest of the reply; the next text begins another."""
        clauses = self._splitter.finish()
        await self.reset()
        return Aggregation(text=" ".join(clauses), type=TextType.SENTENCE) if clauses else None

    async def handle_interruption(self) -> None:
        """Forget the reply."""
        await self.reset()

    async def reset(self) -> None:
        """Begin anew."""
        self._splitter, self._rest = ClauseSplitter(), ""
