"""Texts as they can be printed. Everything that came from outside passes through here once."""

import re
import unicodedata
from typing import Any

from consultations.documents.coverage import printable

# A letter that no shipped font has. Never a box: a box on a leaflet is read as a tick box.
UNKNOWN = "?"
_LONGEST_STACK = 3  # tone marks on one letter; more is mischief and would run over the lines above
_LONGEST_WORD, _PART = 26, 13
_SPACE_BREAK = "\N{ZERO WIDTH SPACE}"
# Emoji, marks of other scripts and what steers the direction of writing carry no meaning here.
_DROPPED = frozenset({"Cf", "Cs", "Co", "Cn", "So", "Sk", "Mn"})


class Printer:
    """Makes texts printable and remembers whether a letter was lost on the way."""

    def __init__(self) -> None:
        self.lost = False

    def all(self, value: Any) -> Any:
        """The same structure with every text printable."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self.all(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.all(each) for each in value]
        return value

    def text(self, text: str) -> str:
        """One line: composed, without control or direction characters, long words breakable."""
        shown: list[str] = []
        stack = 0
        for char in unicodedata.normalize("NFC", text):
            stack = stack + 1 if unicodedata.category(char) == "Mn" else 0
            if stack <= _LONGEST_STACK:
                shown.append(self._char(char))
        return " ".join(_breakable(word) for word in "".join(shown).split())

    def _char(self, char: str) -> str:
        category = unicodedata.category(char)
        if category[0] == "Z" or category == "Cc":
            return " "
        if category != "Cf" and ord(char) in printable():
            return char
        plain = unicodedata.normalize("NFKD", char)
        if plain != char and all(ord(each) in printable() for each in plain):
            return plain
        if category in _DROPPED:
            return ""
        self.lost = True
        return UNKNOWN


def _breakable(word: str) -> str:
    """Words longer than a line's share may break; the break is never between a letter and its mark."""
    if len(word) <= _LONGEST_WORD:
        return word
    letters = re.findall(r".[\u0300-\u036f]*", word)
    parts = ("".join(letters[at : at + _PART]) for at in range(0, len(letters), _PART))
    return _SPACE_BREAK.join(parts)
