"""The pages that look on: who is alive, and which one decides.

A view is alive as long as its page's JavaScript answers. Closed or reloaded pages have a moment to come back; a page
that is connected and silent, because its JavaScript is blocked, counts as gone after longer.
"""

from qst.clock import Clock

#: A closed connection: how long a page has to come back after a reload, s.
COME_BACK_S = 4.0
#: A connected page whose JavaScript is silent, s. Ten seconds of a busy page are no reason to end a stimulus.
SILENT_S = 12.0


class View:
    """One page in one tab. ``page`` is the identifier of the rendered page behind it."""

    def __init__(self, key: str, page: str, now_s: float) -> None:
        self.key = key
        self.page = page
        self.connected = True
        self.heard_s = now_s  # last sign of life, or when the connection was lost


class Views:
    """The operator's views.

    Args:
        clock: of the server.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._views: dict[str, View] = {}
        self.controller = ""  # key of the view that decides

    def attach(self, key: str, page: str) -> View:
        """A page has connected; the first one decides. A key that is in use (a duplicated tab) becomes a new one."""
        known = self._views.get(key)
        if known is not None and known.connected and known.page != page:
            key = f"{key}+"
            return self.attach(key, page)
        view = View(key, page, self._clock.monotonic())
        self._views[key] = view
        if self.controller not in self._views:
            self.controller = key
        return view

    def detach(self, view: View) -> None:
        """Its connection is closed; perhaps the page is being reloaded."""
        if self._views.get(view.key) is view:
            view.connected, view.heard_s = False, self._clock.monotonic()

    def heard(self, view: View) -> None:
        """A sign of life."""
        view.heard_s = self._clock.monotonic()

    def take_over(self, page: str) -> None:
        """The person at this page decides from now on."""
        key = next((view.key for view in self._views.values() if view.page == page), None)
        if key is not None:
            self.controller = key

    def controls(self, page: str) -> bool:
        """Whether the view behind this rendered page decides."""
        view = self._views.get(self.controller)
        return view is not None and view.page == page

    def others(self) -> int:
        """How many further views look on."""
        return max(0, sum(view.connected for view in self._views.values()) - 1)

    def sweep(self) -> bool:
        """Forget views that did not come back. Returns whether anything changed."""
        now_s = self._clock.monotonic()
        gone = [v.key for v in self._views.values() if not v.connected and now_s - v.heard_s > COME_BACK_S]
        for key in gone:
            del self._views[key]
        return bool(gone)

    def none_looks_on(self) -> str:
        """Why nobody looks on; empty while somebody does, or may come back in a moment."""
        if not self._views:
            return "the last page of the operator was closed or lost its connection"
        now_s = self._clock.monotonic()
        if all(now_s - view.heard_s > SILENT_S for view in self._views.values()):
            return f"the operator's page has not answered for {SILENT_S:g} s"
        return ""
