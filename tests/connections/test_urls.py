"""A wrong URL is refused at construction, and no password that is in it is told."""

import traceback
from urllib.parse import quote, unquote

import pytest
import redis
import redis.asyncio
from hypothesis import example, given
from hypothesis import strategies as st

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem
from cryptoorders_redis.transport import endpoint as connect

WORDS = ("Hunter2Secret", "48611", "Zwölf9")
"""The parts of a password that no traceback may show: too rare to be in one by chance."""

both_apis = pytest.mark.parametrize("system", [CryptoOrderSystem, AsyncCryptoOrderSystem])


def refusal_of(url, system=CryptoOrderSystem):
    """The message for a URL. The whole traceback shows none of the words."""
    with pytest.raises(ValueError) as caught:
        system(url=url)
    assert_untold(caught.value)
    return str(caught.value)


def assert_untold(error):
    told = "".join(traceback.format_exception(error))
    for word in WORDS:
        assert word not in told


MALFORMED = [
    pytest.param("redis://:Hunter2Secret/x@host", "'@' in the path", id="slash"),
    pytest.param("redis://:48611/Hunter2Secret@host", "'@' in the path", id="digits-slash"),
    pytest.param("redis://host/Hunter2Secret", "database", id="database"),
    pytest.param("redis://host/0/1", "database", id="two-databases"),
    pytest.param("redis://host/-1", "database", id="negative-database"),
    pytest.param("redis://:Hunter2Secret#x@host", "'#'", id="fragment"),
    pytest.param("redis://host/0#Hunter2Secret", "'#'", id="fragment-behind"),
    pytest.param("redis://host/0#", "'#'", id="empty-fragment"),
    pytest.param("redis://:48611?Hunter2Secret@host", r"'@' after the '\?'", id="question-mark"),
    pytest.param("redis://u:a@b?Hunter2Secret=1@host", r"'@' after the '\?'", id="at-question-mark"),
    pytest.param("redis://u:a@b/Hunter2Secret@host", "'@' in the path", id="at-slash"),
    pytest.param("redis://host:Hunter2Secret", "port", id="port"),
    pytest.param("redis://host:99999", "port", id="port-too-high"),
    pytest.param("redis://host:0", "port", id="port-zero"),
    pytest.param("redis://:Hunter2Secret\u2100x@host", "host", id="nfkc"),
    pytest.param("redis://:Hunter2Secret[x@host", "host", id="bracket"),
    pytest.param("redis://u@[Hunter2Secret]", "host", id="brackets"),
    pytest.param("redis://:Hunter2\nSecret@host", "control character", id="newline"),
    pytest.param("unix://:Hunter2Secret/x@/p.sock", "unix:///path", id="unix-slash"),
    pytest.param("unix://:a@/Hunter2Secret@/p.sock", "'@' in the path", id="unix-at-slash"),
    pytest.param("unix://host/p.sock", "unix:///path", id="unix-host"),
    pytest.param("redis+cluster://", "a host is missing", id="cluster-no-host"),
    pytest.param("redis+cluster://:Hunter2Secret@a:1,", "a host is missing", id="cluster-comma"),
    pytest.param("redis+cluster://:Hunter2Secret@:1,b:2", "a host is missing", id="cluster-port-alone"),
    pytest.param("redis+cluster://:Hunter2Secret@a:1,b:x", "port", id="cluster-second-port"),
    pytest.param("rediss+cluster://a:1,b:48611/Hunter2Secret@c", "'@' in the path", id="cluster-slash"),
    pytest.param("redis+cluster://:Hunter2Secret,x/y@a:1,b:2", "'@' in the path", id="cluster-comma-slash"),
    pytest.param(
        "redis+cluster://:48611?Hunter2Secret@a,b", r"'@' after the '\?'", id="cluster-question-mark"
    ),
    pytest.param("redis+cluster://a,b#Hunter2Secret", "'#'", id="cluster-fragment"),
    pytest.param("redis+cluster://a:1,b:2/Hunter2Secret", "database", id="cluster-database"),
    pytest.param("redis+sentinel://host", "names no master", id="no-master"),
    pytest.param("redis+sentinel://host/Hunter2Secret!", "names no master", id="illegal-master"),
    pytest.param("redis+sentinel://host/orders/Hunter2Secret", "database", id="database-of-master"),
    pytest.param("redis+sentinel://:48611/Hunter2Secret@h/orders", "'@' in the path", id="master-slash"),
    pytest.param("redis+sentinel://:48611/Hunter2Secret@h", "'@' in the path", id="master-at"),
    pytest.param("redis+sentinel://:48611?Hunter2Secret@h/orders", r"'@' after the '\?'", id="master-mark"),
    pytest.param("redis+sentinel://:48611#Hunter2Secret@h/orders", "'#'", id="master-fragment"),
    pytest.param(
        "redis+sentinel://h/orders?sentinel_password=48611@Hunter2Secret", "'@' after", id="sentinel-login"
    ),
    pytest.param("redis+sentinel://h:1,h:Hunter2Secret/orders", "port", id="second-port"),
    pytest.param("redis+sentinel://:Hunter2\nSecret@h/orders", "control character", id="sentinel-newline"),
    pytest.param("redis+sentinel:///orders", "host is missing", id="no-sentinel"),
    pytest.param("redis+sentinel://:Hunter2Secret@h,,h/orders", "host is missing", id="empty-sentinel"),
]


@both_apis
@pytest.mark.parametrize(("url", "what"), MALFORMED)
def test_a_malformed_url_is_refused_with_what_to_do(url, what, system):
    with pytest.raises(ValueError, match=f"the url is malformed: .*{what}"):
        system(url=url)
    assert "urllib.parse.quote(password, safe='')" in refusal_of(url, system)


SCHEMELESS = [
    "Hunter2Secret@host",
    "Hunter2Secret:x@host",
    "redis:/:Hunter2Secret@host",
    "Hunter2Secret@h://x",
]


@pytest.mark.parametrize("url", [*SCHEMELESS, "redsi://user:Hunter2Secret@host"])
def test_a_url_of_an_unknown_scheme_shows_no_password(url):
    assert "must begin with one of" in refusal_of(url)


INVALID_OPTIONS = [
    pytest.param("redis://host?fooo=1", "'fooo'", id="unknown"),
    pytest.param("unix:///p.sock?db=1&fooo=1", "'fooo'", id="unknown-unix"),
    pytest.param("rediss://host?ssl_cert_reqs=Hunter2Secret", "'ssl_cert_reqs'", id="ssl_cert_reqs"),
    pytest.param("redis://host?password=Hunter2Secret&db=x", "'db'", id="db"),
    pytest.param("redis://host?socket_timeout=abc", "'socket_timeout'", id="socket_timeout"),
    pytest.param("redis://host?protocol=9", "'protocol'", id="protocol"),
    pytest.param("redis://host?port=Hunter2Secret", "'port'", id="port"),
    pytest.param("redis://host?protocol=9&fooo=1", "'protocol', 'fooo'", id="two"),
    pytest.param("redis+cluster://:Hunter2Secret@a:1,b:2?fooo=1", "'fooo'", id="cluster"),
    pytest.param("redis+sentinel://h,h/orders/0?fooo=1", "'fooo'", id="unknown-sentinel"),
    pytest.param("redis+sentinel://h/orders?sentinel_db=Hunter2Secret", "'sentinel_db'", id="sentinel_db"),
]


@both_apis
@pytest.mark.parametrize(("url", "names"), INVALID_OPTIONS)
def test_an_invalid_option_in_a_url_is_refused_by_name(url, names, system):
    assert refusal_of(url, system) == f"invalid option in the URL: {names}"


GOOD = [
    "redis://",
    "redis://h/",
    "rediss://u:p@h:1/15?ssl_cert_reqs=none",
    "unix:///a@b.sock",
    "redis://[::1]:6379",
    "redis+sentinel://h/orders",
    "redis+sentinel://u:p,q@h:1,h:2,[::1]:3/orders-1.a_b/15?socket_timeout=2&sentinel_username=u",
]


@both_apis
@pytest.mark.parametrize("url", ["redis+cluster://:Hunter2Secret@a:1/3", "redis+cluster://a,b?db=3"])
def test_a_database_of_a_cluster_is_refused(url, system):
    assert "only database 0" in refusal_of(url, system)


CLUSTERS = [
    pytest.param("redis+cluster://a:1,b:2,c", ["a:1", "b:2", "c:6379"], None, id="three"),
    pytest.param("redis+cluster://u:x,y@a:1,b:2/0", ["a:1", "b:2"], "x,y", id="comma-in-password"),
    pytest.param("rediss+cluster://:x%2Cy@a,b?ssl_cert_reqs=none", ["a:6379", "b:6379"], "x,y", id="tls"),
    pytest.param("redis+cluster://[::1]:7000,[fe80::2]", ["::1:7000", "fe80::2:6379"], None, id="ipv6"),
]


@pytest.mark.parametrize(("url", "startup", "password"), CLUSTERS)
@pytest.mark.parametrize("library", [redis, redis.asyncio])
def test_a_cluster_url_names_the_nodes_to_ask_first(url, startup, password, library):
    endpoint = connect.make_endpoint(url, None, library)
    assert list(endpoint.startup) == startup
    assert endpoint.where == f"{url.partition(':')[0]}://{','.join(startup)}"
    connection = endpoint.at("::2:17").make()
    assert (connection.host, connection.port, connection.password) == ("::2", 17, password)
    assert ("SSL" in type(connection).__name__) == url.startswith("rediss")


@pytest.mark.parametrize("url", GOOD)
@pytest.mark.parametrize("library", [redis, redis.asyncio])
def test_a_good_url_is_a_source(url, library):
    assert connect.make_endpoint(url, None, library).make()


characters = st.one_of(
    st.sampled_from(["/", "@", "#", "?", ":", "[", "]", "%", "&", "=", "\n", "\u2100", "\uff0f", *WORDS]),
    st.text(max_size=3),
)
passwords = st.lists(characters, max_size=8).map(lambda parts: "".join(parts) + WORDS[0])


@given(
    password=passwords,
    url=st.sampled_from(
        [
            "redis://:{}@server",
            "redis://user:{}@server:6380/1?db=2",
            "unix://user:{}@/p.sock",
            "redis+cluster://user:{}@server:7000,other:7001",
            "redis+sentinel://user:{}@server,server:1/orders/1",
        ]
    ),
    library=st.sampled_from([redis, redis.asyncio]),
)
@example(password="48611?db=1&Hunter2Secret", url="redis://:{}@server", library=redis)
@example(password="[Hunter2Secret]", url="redis://:{}@server", library=redis)
def test_a_random_password_works_as_given_or_is_not_told(password, url, library):
    try:
        connection = connect.make_endpoint(url.format(password), None, library).make()
    except ValueError as error:
        assert_untold(error)
    else:
        assert connection.password == unquote(password)
        assert getattr(connection, "host", None) in {"server", None}


@given(password=passwords)
def test_a_percent_encoded_password_always_works(password):
    connection = connect.make_endpoint(f"redis://:{quote(password, safe='')}@server", None, redis).make()
    assert (connection.password, connection.host) == (password, "server")
