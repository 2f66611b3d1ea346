"""No folder outgrows its budget unnoticed, and signatures say more and more."""

import pytest

from size import BUDGET, MOST_ANY, lines, table, vague


@pytest.mark.parametrize("folder", sorted(lines()))
def test_a_folder_keeps_to_its_budget(folder):
    assert lines()[folder] <= BUDGET.get(folder, 0), (
        f"{folder} outgrew its budget: raise it in tests/size.py, and say why in the commit"
    )


def test_the_budget_has_no_folders_that_are_gone():
    assert not set(BUDGET) - set(lines())


def test_fewer_and_fewer_parameters_say_nothing():
    assert sum(vague().values()) <= MOST_ANY, "say what the new parameters take: see cornu/types.py"


def test_the_table_shows_every_folder():
    assert {line.split()[0] for line in table().splitlines()[1:-1]} == set(lines())
