"""A tag with its text escaped: names of architectures, corpora and pieces come from people, so none is trusted."""

from collections.abc import Mapping
from html import escape


class Html(str):
    """Text that is HTML already; templates take it as it is, and escape all other text."""

    __slots__ = ()

    def __html__(self) -> str:
        """Tell the template engine so."""
        return str(self)


def make_element(tag: str, attributes: Mapping[str, object], *children: str) -> Html:
    """Return a tag, its attributes and all children that are not `Html` escaped.

    >>> element("text", {"x": 1.25, "class": "tick"}, "a < b")
    '<text x="1.25" class="tick">a &lt; b</text>'
    """
    told = "".join(
        f' {name}="{escape(_format_value(value))}"' for name, value in attributes.items()
    )
    inner = "".join(child if isinstance(child, Html) else escape(child) for child in children)
    return Html(f"<{tag}{told}>{inner}</{tag}>")


def _format_value(value: object) -> str:
    """Return a value as text; a hundredth of a pixel is exact enough."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
