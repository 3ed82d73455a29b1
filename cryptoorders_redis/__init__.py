"""A Redis-backed, persistent, sharded store for live crypto orders."""

from cryptoorders_redis import errors
from cryptoorders_redis.aio import AsyncCryptoOrderSystem, AsyncUserOrders
from cryptoorders_redis.observing import CallInfo, Observer
from cryptoorders_redis.operations.feed import Change
from cryptoorders_redis.operations.history import History
from cryptoorders_redis.operations.stats import Stats, StreamStats, UserStats
from cryptoorders_redis.operations.summary import Summary
from cryptoorders_redis.operations.verify import Inconsistency
from cryptoorders_redis.order import NewOrder, Order, OrderStatus
from cryptoorders_redis.system import CryptoOrderSystem, UserOrders
from cryptoorders_redis.version import __version__ as __version__

__all__ = [
    "AsyncCryptoOrderSystem",
    "AsyncUserOrders",
    "CallInfo",
    "Change",
    "CryptoOrderSystem",
    "History",
    "Inconsistency",
    "NewOrder",
    "Observer",
    "Order",
    "OrderStatus",
    "Stats",
    "StreamStats",
    "Summary",
    "UserOrders",
    "UserStats",
    "errors",
]
