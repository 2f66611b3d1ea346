"""A finding as data: its text, and the order of many."""

import dataclasses

from cornu.findings import NOTE, Finding, by_severity, error, warning


def test_the_message_says_where_and_what_and_the_fix():
    found = error("x holds NaN.", fix="fill them.", shape=(3, 4))
    found = dataclasses.replace(found, where="in the validation data")
    assert found.message == (
        "In the validation data: x holds NaN.\n  shape: (3, 4)\n  fix:   fill them."
    )
    assert (found.severity, found.what, found.fix) == ("error", "x holds NaN.", "fill them.")


def test_a_finding_of_one_sentence():
    assert Finding(NOTE, "It was saved by Keras 2.").message == "It was saved by Keras 2."


def test_the_most_serious_come_first_and_the_others_keep_their_order():
    found = [Finding(NOTE, "a"), warning("b"), error("c"), Finding("danger", "d"), warning("e")]
    assert [f.what for f in by_severity(found)] == ["d", "c", "b", "e", "a"]


def test_names_that_readers_of_files_know():
    found = warning("x is odd.")
    assert (found.level, found.text) == (found.severity, found.what) == ("warning", "x is odd.")
