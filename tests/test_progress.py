from stormcell.progress import listener, track


def test_silent_by_default():
    assert list(track([1, 2], "counting")) == [1, 2]


def test_the_listener_sees_every_item():
    seen = []

    def listen(items, what, total):
        for item in items:
            seen.append((what, item, total))
            yield item

    token = listener.set(listen)
    try:
        assert list(track((number for number in (1, 2)), "counting", total=2)) == [1, 2]
        assert list(track([3], "more")) == [3]
    finally:
        listener.reset(token)
    assert seen == [("counting", 1, 2), ("counting", 2, 2), ("more", 3, 1)]
