"""Work beside the caller's ends where it is waited for, with its result or its error."""

import threading

from nova import context as nova_context
from oslo_context import context as oslo_context
import pytest

from nova_docker.operations import background
from nova_docker.operations import timeline
from nova_docker.operations import undo


def start(work):
    return background.Background("test", nova_context.get_admin_context(), work)


def test_the_result_comes_when_the_work_is_done():
    gate = threading.Event()
    work = start(lambda: gate.wait(5) and "done")
    work.raise_if_failed()
    gate.set()
    assert work.result() == "done"


def test_an_error_is_raised_where_the_result_is_asked_for():
    def fail():
        raise KeyError("x")

    work = start(fail)
    work.wait()
    for ask in (work.result, work.raise_if_failed):
        with pytest.raises(KeyError):
            ask()


def test_the_log_lines_of_the_thread_carry_the_request():
    context = nova_context.get_admin_context()
    work = background.Background("test", context, oslo_context.get_current)
    assert work.result().request_id == context.request_id


def test_undo_takes_back_the_last_step_first():
    done = []
    with pytest.raises(ValueError, match="why"), undo.UndoStack(None) as stack:
        stack.push("one", lambda: done.append(1))
        stack.push("two", lambda: done.append(2))
        raise ValueError("why")
    assert done == [2, 1]


def test_an_undo_that_fails_is_logged_and_hinders_neither_the_others_nor_the_error(caplog):
    done = []
    with pytest.raises(ValueError, match="why"), undo.UndoStack(None) as stack:
        stack.push("one", lambda: done.append(1))
        stack.push("break", lambda: done[9])
        raise ValueError("why")
    assert done == [1]
    assert "could not break" in caplog.text


def test_success_takes_nothing_back():
    done = []
    with undo.UndoStack(None) as stack:
        stack.push("one", lambda: done.append(1))
    assert done == []


def test_a_timeline_keeps_the_order_and_adds_up():
    times = timeline.Timeline()
    with times.step("a"):
        pass
    times.add("b", 1.0)
    times.add("b", 0.5)
    assert str(times).startswith("a 0.0")
    assert str(times).endswith("b 1.500")
    assert times.elapsed() >= 0


def test_a_step_that_fails_is_measured_too():
    times = timeline.Timeline()
    with pytest.raises(ValueError), times.step("a"):
        raise ValueError
    assert "a " in str(times)
