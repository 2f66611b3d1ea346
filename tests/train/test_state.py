"""The state of training: values of variables, read and written as lists."""

import jax.numpy as jnp

from cornu.core.variable import Variable
from cornu.train.state import StateSlots, TrainState


def test_read_and_write_keep_the_order():
    a, b, c = (Variable(float(i)) for i in range(3))
    slots = StateSlots([a, b], [c])
    state = slots.read()
    assert [float(v) for v in state.trainable] == [0.0, 1.0]
    slots.write(TrainState([jnp.float32(5), jnp.float32(6)], [jnp.float32(7)], [], []))
    assert [float(v.value) for v in (a, b, c)] == [5.0, 6.0, 7.0]


def test_a_variable_that_is_listed_twice_is_kept_once():
    shared = Variable(1.0)
    slots = StateSlots([shared], [shared], [shared])
    assert [len(part) for part in slots.parts] == [1, 0, 0, 0]


def test_the_key_tells_which_variables_stand_where():
    a, b = Variable(1.0), Variable(2.0)
    assert StateSlots([a], [b]).key == StateSlots([a], [b]).key
    assert StateSlots([a], [b]).key != StateSlots([a, b]).key
