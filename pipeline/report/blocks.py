"""What a section of the page is made of; the template knows how each looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from pipeline.report.tables import Rows


@dataclass(frozen=True)
class Table:
    """Rows below a header; the first column names the row."""

    title: str
    rows: Rows
    caption: str = ""
    """What the numbers mean."""
    collapsed: bool = False
    is_text: bool = False
    """Whether the cells are words, not figures."""


@dataclass(frozen=True)
class Figure:
    """A picture, what it says, and its numbers for those who do not see it."""

    title: str
    drawing: Markup
    caption: str
    numbers: Rows


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    anchor: str
    """Address within the page."""
    title: str
    lead: str
    """What the numbers mean, in plain words."""
    figures: Sequence[Figure] = field(default_factory=tuple)
    tables: Sequence[Table] = field(default_factory=tuple)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured that it could show."""
        return not self.figures and not self.tables
