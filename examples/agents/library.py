"""A very small search engine, so that the services have real work to do: passages, an inverted index, a ranking."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

_WORD = re.compile(r"\w+")
_PASSAGE = re.compile(r"\n\s*\n|(?<=[.!?])\s+(?=[A-Z])")


def words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def passages(text: str) -> list[str]:
    """Paragraphs and sentences."""
    return [part.strip() for part in _PASSAGE.split(text) if part and part.strip()]


@dataclass
class Library:
    """The passages of one project. Not thread-safe for writers; one ingest job adds at a time."""

    texts: list[str] = field(default_factory=list)
    _places: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, passage: str) -> None:
        number = len(self.texts)
        self.texts.append(passage)
        for word in words(passage):
            self._places[word][number] += 1

    def search(self, question: str, limit: int = 3) -> list[tuple[float, str]]:
        """The best passages with their scores: rare words count more."""
        scores: Counter[int] = Counter()
        for word in set(words(question)):
            places = self._places.get(word, Counter())
            weight = math.log((1 + len(self.texts)) / (1 + len(places)))
            for number, times in places.items():
                scores[number] += weight * times / (1 + len(words(self.texts[number])) / 20)
        return [(round(score, 3), self.texts[number]) for number, score in scores.most_common(limit)]
