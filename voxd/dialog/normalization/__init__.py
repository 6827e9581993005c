"""Text normalization: what is written for the eye, said as a person would. Pure.

`voxd.dialog.spoken` calls these one after the other; the order is part of the meaning, because a
later one takes what an earlier one left. Each is `(text, language) -> text`, never raises for what
the first two have left, and knows `LANGUAGES`:

* `markup`: Markdown, emoji, placeholders, stage directions (any language);
* `letters`: those that only seem to be one of the alphabet;
* `addresses`: URLs, e-mail addresses;
* `dates`, `times`, `phones`, `money`, `quantities` (percentages, units);
* `abbreviations`: "Dr.", "e.g.";
* `counting`: every number that is left (ordinals, years, codes, ranges, plain ones);
* `symbols`: "&", "+", brackets, dashes.

Number words come from num2words; `numbers` mends what its Spanish gets wrong.

Rejected: leaving this to the voices. Each reads "3/4", "$1.5M" or "Dr." in its own way, none tells
how, and the words would change in mid-sentence with the engine.
"""

LANGUAGES = ("en", "es")
"""Languages whose numbers can be said; text of others keeps its digits."""
