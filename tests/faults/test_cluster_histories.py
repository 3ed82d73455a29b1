"""Calls of several processes on a cluster, with lost replies and kills, ran as if one at a time."""

from tests.support.cluster_histories import proxies_before, with_kills, with_lost_replies


def test_histories_with_lost_replies_are_linearizable(own_cluster, namespace):
    cluster = own_cluster()
    with proxies_before(cluster, lose_reply=0.05, cut_request=0.02, hold_request=0.03) as (url, proxies):
        outcome = with_lost_replies(url, namespace, calls=150)
        assert outcome.problem is None
        assert outcome.left == []
        assert len(outcome.calls) > 500
        assert sum(proxy.faults.total() for proxy in proxies) > 50


def test_killed_processes_leave_what_repair_mends(cluster, namespace):
    outcome = with_kills(cluster.url, namespace, kills=6)
    assert outcome.problem is None
    assert outcome.left == []
    assert len(outcome.calls) > 200


def test_kills_and_lost_replies_together_are_explained(own_cluster, namespace):
    with proxies_before(own_cluster(), lose_reply=0.05, hold_request=0.05) as (url, _):
        outcome = with_kills(url, namespace, kills=4)
    assert outcome.problem is None
    assert outcome.left == []
