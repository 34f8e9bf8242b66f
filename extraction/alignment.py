"""Text that knows where each of its characters came from, so that what is found in changed text can be shown in place.

Offsets count characters (Unicode code points), as Python's strings do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

Span = tuple[int, int]
"""Where something begins and, exclusively, ends."""


@dataclass(frozen=True)
class AlignedText:
    """A text and, for each of its characters, the span of the original that it stands for."""

    text: str
    origins: tuple[Span, ...]

    @classmethod
    def of(cls, text: str) -> AlignedText:
        """Return a text as it is."""
        return cls(text, tuple((place, place + 1) for place in range(len(text))))

    @classmethod
    def _joined(cls, letters: Iterable[tuple[str, Span]]) -> AlignedText:
        pairs = list(letters)
        return cls("".join(letter for letter, _ in pairs), tuple(origin for _, origin in pairs))

    def lower(self) -> AlignedText:
        """Return what `str.lower` makes of the text; it may write one letter as two, and sigma by its place."""
        origins = [origin for letter, origin in zip(self.text, self.origins, strict=True) for _ in letter.lower()]
        return AlignedText(self.text.lower(), tuple(origins))

    def translate(self, table: dict[int, str]) -> AlignedText:
        """Return what `str.translate` makes of the text."""
        return self._joined(
            (letter, origin)
            for before, origin in zip(self.text, self.origins, strict=True)
            for letter in before.translate(table)
        )

    def sub(self, pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str]) -> AlignedText:
        """Return what `pattern.sub` makes of the text; each new character stands for all that it replaces.

        The pattern must not match the empty string.
        """
        return self._joined(self._with_replaced(pattern, replacement))

    def _with_replaced(
        self, pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str]
    ) -> Iterator[tuple[str, Span]]:
        at = 0
        for match in pattern.finditer(self.text):
            yield from self._slice(at, match.start())
            origin = self.origin((match.start(), match.end()))
            new = replacement(match) if callable(replacement) else match.expand(replacement)
            yield from ((letter, origin) for letter in new)
            at = match.end()
        yield from self._slice(at, len(self.text))

    def _slice(self, start: int, end: int) -> Iterator[tuple[str, Span]]:
        return zip(self.text[start:end], self.origins[start:end], strict=True)

    def stripped(self) -> AlignedText:
        """Return the text without blanks at its ends."""
        start = len(self.text) - len(self.text.lstrip())
        end = max(start, len(self.text.rstrip()))
        return AlignedText(self.text[start:end], self.origins[start:end])

    def origin(self, span: Span) -> Span:
        """Return the span of the original that a span of this text, of one character at least, stands for."""
        start, end = span
        return self.origins[start][0], self.origins[end - 1][1]
