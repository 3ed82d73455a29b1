"""A page that shows a store as it changes, and changes nothing. It needs the extra `web`."""

from cryptoorders_redis.web.extra import explain_missing_extra

with explain_missing_extra():
    from cryptoorders_redis.web.application import application

__all__ = ["application"]
