"""The face of `FeatureSpace`, which stands among the layers that it is made of.

Its `save` comes with what writes files.
"""

from cornu.layers.preprocessing.feature_space import (
    Cross as Cross,
    Feature as Feature,
    FeatureSpace as FeatureSpace,
)
from cornu.storage.persistence import save_model as save_model
