"""Every fix is applied to the program that got the message, and then the program runs."""

import pytest

import cornu as keras
from cornu.errors import explain
from fixes.applying import alternatives, applied, fix_of, run
from fixes.tables import TABLES

ROWS = [
    pytest.param(program, id=f"{table}-{name}".replace(" ", "-"))
    for table, programs in TABLES.items()
    for name, program in programs.items()
]


@pytest.mark.parametrize("program", ROWS)
def test_what_the_message_says_makes_the_program_run(program):
    message, scope = run(program.source)
    assert message is not None, "nothing was said"
    fix = fix_of(message.text)
    assert fix is not None, message.text
    found = alternatives(fix)
    assert found, f"no code: {fix}"
    tried = range(len(found)) if program.only is None else program.only
    for number in tried:
        mended = applied(found[number], program.source, message.text, scope)
        again, names = run(mended)
        same = again is not None and (again.is_error or again.text == message.text)
        assert not same, f"{mended}\n{again and again.text}"
        assert eval(program.check, names), mended


def test_the_texts_are_read_as_they_are_written():
    text = explain(
        "It is so.", shapes="x (2,)", fix="fill it: x = x[None]\nor units=3 in layer 'a'"
    )
    found = alternatives(fix_of(text))
    assert [(f.code, f.place) for f in found] == [("x = x[None]", None), ("units=3", "a")]
    assert alternatives("look at the data.") == []
    assert alternatives("def call(self, x):\n    return x")[0].code.startswith("def call")


def test_no_message_lists_more_than_ten_names():
    for wrong in ({"loss": "zzz"}, {"optimizer": "zzz"}, {"metrics": ["zzz"]}):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        with pytest.raises(ValueError) as caught:
            model.compile(**{"optimizer": "sgd", "loss": "mse", **wrong})
        assert str(caught.value).count("'") <= 24
