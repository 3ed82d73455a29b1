"""The three parts of the problem that the library solves, as they are told."""

from cryptoorders_redis.schema.placement import stream_of_user


def test_part_one_one_stream_and_no_user_in_any_call(open_system):
    orders = open_system(num_streams=1).user("me")
    assert orders.place("order1", "BTC", 1.5, 50_000)
    assert orders.place("order2", "ETH", 10, 3_000)
    assert orders.place("order3", "SOL", 100, 150)
    assert not orders.place("order1", "BTC", 1.5, 50_000)
    assert orders.pause("order2")
    assert not orders.pause("order2")
    assert orders.display_all_live_orders() == ["order1", "order2(paused)", "order3"]
    assert orders.cancel("order1")
    assert orders.resume("order2")
    assert not orders.resume("order2")
    assert not orders.cancel("order1")
    assert orders.display_all_live_orders() == ["order2", "order3"]


def test_part_two_users_whose_orders_are_cancelled_together(open_system):
    system = open_system(num_streams=1)
    for number in range(1, 7):
        assert system.place(f"order{number}", "alice" if number % 2 else "bob", "BTC", 1, 50_000)
    assert system.pause("order3")
    assert system.cancel_all_by_user("alice") == 3
    assert system.display_all_live_orders() == ["order2", "order4", "order6"]
    assert system.cancel_all_by_user("alice") == 0
    assert system.cancel_all_by_user("nobody") == 0


def test_part_three_any_number_of_streams(open_system):
    system = open_system(num_streams=8)
    users = [f"user{number}" for number in range(20)]
    assert len({stream_of_user(user, 8) for user in users}) > 1
    for number in range(60):
        assert system.place(f"order{number}", users[number % 20], "BTC", 1, 1)
    assert system.pause("order7")
    assert system.cancel_all_by_user("user3") == 3
    assert system.display_all_live_orders() == [
        "order7(paused)" if number == 7 else f"order{number}" for number in range(60) if number % 20 != 3
    ]


def test_the_example_of_alice_and_bob(open_system):
    system = open_system(num_streams=3)
    assert system.place("order1", "alice", "BTC", 0.5, 60_000)
    assert system.place("order2", "alice", "ETH", 2, 3_000)
    assert system.place("order3", "bob", "BTC", 1, 61_000)
    assert system.place("order4", "bob", "SOL", 30, 150)
    assert system.pause("order2")
    assert system.display_all_live_orders() == ["order1", "order2(paused)", "order3", "order4"]
    assert system.cancel_all_by_user("alice") == 2
    assert system.display_all_live_orders() == ["order3", "order4"]
