"""Every error travels between processes, with all that it holds."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context

import pytest

from cryptoorders_redis import errors

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.CryptoOrdersError)
]


def an_error(kind):
    if kind is errors.OutcomeUnknown:
        error = kind("cancel of 'o' may have taken effect", operation="cancel", ids=("o", "\n{}"))
    elif kind is errors.BulkInterrupted:
        error = kind([True, False], 3, 9, errors.StoreFull("full"))
        error.__cause__ = errors.StoreFull("full")
    elif kind is errors.ResizeUnderWay:
        error = kind("to 5", num_streams=5)
    elif kind is errors.IntakeFull:
        error = kind("full", stream=1, limit=5)
    elif kind is errors.AmountExceeded:
        error = kind("it has 1", left=Decimal("1.0"))
    elif kind is errors.ChangesMissed:
        error = kind(3, 7, 9)
    else:
        error = kind("what went wrong")
    error.add_note("a note")
    return error


def told(error):
    cause = error.__cause__
    return type(error), str(error), error.args, vars(error), type(cause), str(cause)


def raise_it(kind):
    raise an_error(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_can_be_pickled_and_copied(kind):
    error = an_error(kind)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert told(pickle.loads(pickle.dumps(error, protocol))) == told(error)
    assert told(copy.copy(error)) == told(copy.deepcopy(error)) == told(error)


def test_errors_of_another_process_arrive():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for kind in KINDS:
            with pytest.raises(kind) as raised:
                pool.submit(raise_it, kind).result(timeout=60)
            assert str(raised.value) == str(an_error(kind))
            assert vars(raised.value) == vars(an_error(kind))
