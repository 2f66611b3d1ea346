"""What an object owns, read off its attributes."""

from cornu.core.objects.tracking import Identities, attributes, inside, owned_by, unique


class Part:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


class Other(Part): ...


A, B, C, D = (Part(n) for n in "abcd")


class Owner:
    _untracked_attributes = frozenset(("hidden",))


def test_in_order_of_assignment_each_once():
    owner = Owner()
    owner.second = B
    owner.first = A
    owner.again = [B, A, C]
    assert owned_by(owner, Part) == [B, A, C]
    owner.second = D  # keeps its place
    assert owned_by(owner, Part) == [D, A, B, C]


def test_containers_are_looked_into():
    owner = Owner()
    owner.nested = [{"x": (A, [B])}, {C}, 5, None]
    owner.empty = []
    assert owned_by(owner, Part) == [A, B, C]
    assert list(inside([1, (2, {"k": 3})])) == [1, 2, 3]


def test_what_is_not_owned():
    owner = Owner()
    owner.hidden = A
    owner._inbound_nodes = [B]
    owner._arguments = ((C,), {})
    owner.shown = D
    assert owned_by(owner, Part) == [D]
    assert [name for name, _ in attributes(owner)] == ["shown"]


def test_kinds():
    owner = Owner()
    owner.parts = [A, Other("o")]
    assert [p.name for p in owned_by(owner, Other)] == ["o"]
    assert len(owned_by(owner, (Part, Other))) == 2


def test_identity_decides():
    one, same = [1], [1]
    assert unique([one, same, one]) == [[1], [1]]
    assert one in Identities([one])
    assert same not in Identities([one])
