"""Some hundred mutated files: each is refused in our own words, or loads as a model that works."""

import random

import pytest

from fuzz.files import base_files
from fuzz.fuzz import run
from fuzz.mutate import mutated

MUTATIONS = 400


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return base_files(tmp_path_factory.mktemp("base"))


def test_nothing_but_refusals_and_models_that_work(files):
    outcome = run(files, iter(range(MUTATIONS)), seed=0)
    assert outcome.failures == []
    assert sum(outcome.counts.values()) == MUTATIONS
    # Mutations that no reader notices, or that none gets past, would test nothing.
    assert outcome.counts["loaded"] > 30 and outcome.counts["UnsafeFileError"] > 15


def test_the_same_number_gives_the_same_file(files):
    for name, content in files.items():
        first, second = (mutated(content, name, random.Random("1/2")) for _ in range(2))
        assert first == second


def test_every_kind_of_mutation_changes_something(files):
    for name, content in files.items():
        made = [mutated(content, name, random.Random(str(i))) for i in range(30)]
        assert sum(other != content for other in made) > 20
