"""Driver of the QST.Lab TCS II."""

from qst_drivers.qstlab_tcs.driver import QstlabTcs

__all__ = ["QstlabTcs"]
