from qst import errors
from qst.errors import LinkTimeoutError, QstError


def tree() -> list[type[QstError]]:
    found, waiting = [], [QstError]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == "qst.errors"]


def test_every_error_has_a_code_of_its_own_and_stands_in_the_drawn_tree() -> None:
    codes = [kind.code for kind in tree()]
    assert len(codes) == len(set(codes))
    for kind in tree():
        assert f"{kind.__name__} " in (errors.__doc__ or "")
        assert kind.code in (errors.__doc__ or "")


def test_a_report_says_where_what_what_was_done_and_what_to_do() -> None:
    error = LinkTimeoutError("no answer within 1 s", where="COM3", did="stopped", remedy="Check the cable.")
    assert error.report() == "QST-220: COM3: no answer within 1 s\n  Done: stopped\n  To do: Check the cable."
    assert str(LinkTimeoutError("no answer")) == "no answer"
