"""A Redis-backed, persistent, sharded store for live crypto orders."""

from cryptoorders_redis import errors
from cryptoorders_redis.aio import AsyncCryptoOrderSystem, AsyncUserOrders
from cryptoorders_redis.aio_intake import AsyncIntake
from cryptoorders_redis.event import (
    DeadLetter,
    Event,
    IntakeStats,
    Op,
    Outcome,
    OutcomeState,
    StreamIntake,
    Submission,
)
from cryptoorders_redis.intake import Intake
from cryptoorders_redis.observing import CallInfo, Observer
from cryptoorders_redis.operations.feed import Change
from cryptoorders_redis.operations.findings import Inconsistency
from cryptoorders_redis.operations.history import History
from cryptoorders_redis.operations.metrics import StoreMetrics, StreamMetrics
from cryptoorders_redis.operations.stats import Stats, StreamStats, UserStats
from cryptoorders_redis.operations.summary import Summary
from cryptoorders_redis.order import NewOrder, Order, OrderStatus
from cryptoorders_redis.system import CryptoOrderSystem, UserOrders
from cryptoorders_redis.version import __version__ as __version__
from cryptoorders_redis.workers.aio_worker import AsyncWorker
from cryptoorders_redis.workers.worker import Worker

__all__ = [
    "AsyncCryptoOrderSystem",
    "AsyncIntake",
    "AsyncUserOrders",
    "AsyncWorker",
    "CallInfo",
    "Change",
    "CryptoOrderSystem",
    "DeadLetter",
    "Event",
    "History",
    "Inconsistency",
    "Intake",
    "IntakeStats",
    "NewOrder",
    "Observer",
    "Op",
    "Order",
    "OrderStatus",
    "Outcome",
    "OutcomeState",
    "Stats",
    "StoreMetrics",
    "StreamIntake",
    "StreamMetrics",
    "StreamStats",
    "Submission",
    "Summary",
    "UserOrders",
    "UserStats",
    "Worker",
    "errors",
]
