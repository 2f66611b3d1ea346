"""Settings of all tests: one platform, no files in the user's home."""

import os
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("CORNU_HOME", tempfile.mkdtemp(prefix="cornu-tests-"))
