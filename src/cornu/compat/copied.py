"""Errors of code that was copied without its first lines, and the line that is missing.

NameError: name 'Concatenate' is not defined
  fix: from keras.layers import Concatenate
"""

import importlib

from cornu import absent

# Short names that tutorials agree on.
CUSTOMARY = {
    "K": "from keras import backend as K",
    "cv2": "import cv2",
    "math": "import math",
    "np": "import numpy as np",
    "os": "import os",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "random": "import random",
    "sns": "import seaborn as sns",
    "sys": "import sys",
    "tf": "import tensorflow as tf",
    "time": "import time",
    "train_test_split": "from sklearn.model_selection import train_test_split",
}
# Packages whose name for pip is another one, or that tutorials use.
PACKAGES = {
    "PIL": "Pillow",
    "cv2": "opencv-python",
    "matplotlib": "matplotlib",
    "pandas": "pandas",
    "scipy": "scipy",
    "seaborn": "seaborn",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tqdm": "tqdm",
}


def missing_line(error: BaseException) -> str | None:
    """The line that an error of a copied program asks for; None if there is none.

    Example:

        >>> try:
        ...     Concatenate()
        ... except NameError as error:
        ...     missing_line(error)
        'from keras.layers import Concatenate'
    """
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        package = error.name.partition(".")[0]
        return f"pip install {PACKAGES[package]}" if package in PACKAGES else None
    if not isinstance(error, NameError) or isinstance(error, UnboundLocalError):
        return None
    name = error.name
    if not name:
        return None
    if name in CUSTOMARY:
        return CUSTOMARY[name]
    if name == "keras":
        return "import keras"
    if name in importlib.import_module("cornu").NAMESPACES:
        return f"from keras import {name}"
    where = absent.elsewhere(name)
    if not where:
        return None
    module = where[0].rpartition(".")[0].replace("cornu", "keras", 1)
    return f"from {module} import {name}"


def explained(error: BaseException) -> None:
    """Add the missing line to the message of an error, if there is one."""
    line = missing_line(error)
    if line is not None and not any(line in note for note in getattr(error, "__notes__", [])):
        error.add_note(f"  fix: {line}")
