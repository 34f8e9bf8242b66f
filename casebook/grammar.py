"""The small template language in which clause frames are written, and the pieces of text that it yields.

`[a|b|]` is a choice, `<name>` a rule of the lexicon, `{slot}` a value from the plan, `@a` the article that the next
word wants. A piece keeps the label item it stands for, so that spans survive joining and noise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial

from casebook.streams import Stream

_TOKEN = re.compile(r"\[|\]|\||<[a-z_0-9]+>|\{[A-Za-z_0-9]+\}|[^\[\]|<{]+|<|\{")
_ARTICLE = re.compile(r"@a(\s*)(?=(.?\S*))")
_VOWEL_START = re.compile(
    r"(?!MET\b|MAP|RET\b|MEN1|MYC|HER2|FOL|RAF|RAS\b|ROS1|SMA|SET|NOTCH|RUNX|RAD|MGMT\B|SPOP)(?:mTOR|[aeioAEIO]|u(?!ni|ro|re|su|ti)|8|11\b|11-|18\b|18-|[FHLMNRSX](?=[A-Z0-9]{1,5}\b)|[FHLMNRSX](?=-))"
)


@dataclass(frozen=True)
class Piece:
    """A stretch of text; `tag` names the mention item it renders, or None for connecting words."""

    text: str
    tag: str | None = None


@dataclass(frozen=True)
class Choice:
    """A choice between alternatives, each a sequence of nodes."""

    options: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Rule:
    """A reference to a rule of the lexicon."""

    name: str


@dataclass(frozen=True)
class Slot:
    """A place that the plan fills."""

    name: str


Node = str | Choice | Rule | Slot
Slots = Mapping[str, "str | list[Piece]"]


class FrameError(ValueError):
    """A frame in the data files cannot be read or asks for a slot that the plan does not have."""


@cache
def parse(frame: str) -> tuple[Node, ...]:
    """Return the nodes of a frame.

    Raises: FrameError when brackets do not match.
    """
    options, rest = _options(_TOKEN.findall(frame), 0, frame)
    if rest is not None:
        raise FrameError(f"unbalanced brackets in frame {frame!r}")
    return options[0] if len(options) == 1 else (Choice(tuple(options)),)


def _options(signs: list[str], start: int, frame: str) -> tuple[list[tuple[Node, ...]], int | None]:
    options: list[tuple[Node, ...]] = []
    current: list[Node] = []
    index = start
    while index < len(signs):
        sign = signs[index]
        index += 1
        if sign == "[":
            inner, after = _options(signs, index, frame)
            if after is None:
                raise FrameError(f"unbalanced brackets in frame {frame!r}")
            current.append(Choice(tuple(inner)))
            index = after
        elif sign == "|":
            options.append(tuple(current))
            current = []
        elif sign == "]":
            return [*options, tuple(current)], index
        else:
            current.append(_leaf(sign))
    return [*options, tuple(current)], None


def _leaf(sign: str) -> Node:
    if sign.startswith("<") and len(sign) > 1:
        return Rule(sign[1:-1])
    if sign.startswith("{") and len(sign) > 1:
        return Slot(sign[1:-1])
    return sign


@cache
def slots_of(frame: str) -> frozenset[str]:
    """Return the names of the slots that every reading of the frame fills (a choice counts if all options do)."""
    return _needed(parse(frame))


@cache
def _needed(nodes: tuple[Node, ...]) -> frozenset[str]:
    names: frozenset[str] = frozenset()
    for node in nodes:
        if isinstance(node, Slot):
            names |= {node.name}
        elif isinstance(node, Choice):
            names |= frozenset.intersection(*(_needed(option) for option in node.options))
    return names


@dataclass(frozen=True)
class Writer:
    """Expands frames with one stream and one lexicon."""

    stream: Stream
    lexicon: Mapping[str, tuple[str, ...]]

    def expand(self, frame: str, slots: Slots) -> list[Piece]:
        """Return the pieces of one reading of the frame; an option whose slots are missing is not taken.

        Raises: FrameError when a rule or slot is missing.
        """
        return self._nodes(parse(frame), slots)

    def _nodes(self, nodes: tuple[Node, ...], slots: Slots) -> list[Piece]:
        pieces: list[Piece] = []
        for node in nodes:
            pieces.extend(self._node(node, slots))
        return pieces

    def _node(self, node: Node, slots: Slots) -> list[Piece]:
        if isinstance(node, str):
            return [Piece(node)]
        if isinstance(node, Choice):
            fitting = [option for option in node.options if _needed(option) <= slots.keys()]
            return self._nodes(self.stream.pick(fitting or node.options), slots)
        if isinstance(node, Rule):
            if node.name not in self.lexicon:
                raise FrameError(f"unknown rule <{node.name}>")
            return self.expand(self.stream.pick(self.lexicon[node.name]), slots)
        if node.name not in slots:
            raise FrameError(f"unfilled slot {{{node.name}}}")
        value = slots[node.name]
        return [Piece(value)] if isinstance(value, str) else list(value)


def text_of(pieces: list[Piece]) -> str:
    """Return the plain text of the pieces."""
    return "".join(piece.text for piece in pieces)


def tidy(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces with articles resolved and doubled or stray blanks removed."""
    tidied: list[Piece] = []
    for index, piece in enumerate(pieces):
        following = text_of(pieces[index + 1 : index + 4])
        text = _ARTICLE.sub(partial(_article, following=following), piece.text)
        text = re.sub(r" +([,.;:)](?:\s|$))", r"\1", re.sub(r" {2,}", " ", text))
        previous = tidied[-1].text if tidied else ""
        if not previous or previous.endswith((" ", "\n", "(")):
            text = text.lstrip(" ")
        if text and text[0] in ",.;:)" and previous.endswith(" ") and tidied[-1].tag is None:
            tidied[-1] = Piece(previous.rstrip(" "))
        if text:
            tidied.append(Piece(text, piece.tag))
    return _without_last_blanks(tidied)


def _without_last_blanks(pieces: list[Piece]) -> list[Piece]:
    while pieces and not pieces[-1].text.rstrip():
        pieces.pop()
    return [*pieces[:-1], Piece(pieces[-1].text.rstrip(), pieces[-1].tag)] if pieces else []


def _article(match: re.Match[str], following: str) -> str:
    upcoming = match.group(2) or following.lstrip()
    return ("an" if _VOWEL_START.match(upcoming) else "a") + (match.group(1) or " ")


def sentence(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces as a sentence: a capital first and a full stop at the end."""
    pieces = tidy(pieces)
    if not pieces:
        return pieces
    first = pieces[0]
    word = first.text.split(" ")[0]
    if word[1:] == word[1:].lower() and not re.match(r"p\.|c\.", word):
        pieces[0] = Piece(first.text[:1].upper() + first.text[1:], first.tag)
    if pieces[-1].text.rstrip()[-1:] not in ".?!:":
        pieces.append(Piece("."))
    return pieces
