"""The face of `FeatureSpace`, which stands among the layers that it is made of."""

from cornu.layers.preprocessing.feature_space import (
    Cross as Cross,
    Feature as Feature,
    FeatureSpace as FeatureSpace,
)
