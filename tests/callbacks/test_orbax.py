import importlib.util

import numpy as np
import pytest

from callbacks.small import fit, regression
from cornu.callbacks import OrbaxCheckpoint

HAS_ORBAX = importlib.util.find_spec("orbax") is not None


@pytest.mark.skipif(HAS_ORBAX, reason="orbax is installed")
def test_without_orbax_the_message_says_what_to_install(tmp_path):
    with pytest.raises(ImportError, match="pip install orbax-checkpoint"):
        OrbaxCheckpoint(tmp_path)


@pytest.mark.skipif(not HAS_ORBAX, reason="orbax is not installed")
def test_a_checkpoint_comes_back(tmp_path):
    model = regression("adam")
    fit(model, OrbaxCheckpoint(tmp_path, max_to_keep=2))
    other = regression("adam")
    fit(other, epochs=1)
    checkpoint = OrbaxCheckpoint(tmp_path)
    checkpoint.set_model(other)
    checkpoint.load()
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(other.optimizer.iterations) == int(model.optimizer.iterations)
