"""A piece of a page that is built anew when what it shows has changed, and left alone otherwise."""

from collections.abc import Callable, Hashable

from nicegui.element import Element


class Part:
    """One piece.

    Args:
        box: the element that holds it.
        key: what it depends on; it is built anew when this changes.
        build: makes its elements, inside ``box``.
    """

    def __init__(self, box: Element, key: Callable[[], Hashable], build: Callable[[], None]) -> None:
        self._box = box
        self._key = key
        self._build = build
        self._shown: Hashable = object()
        self.update()

    def update(self) -> None:
        """Look whether it must be built anew."""
        key = self._key()
        if key != self._shown:
            self._shown = key
            self._box.clear()
            with self._box:
                self._build()
