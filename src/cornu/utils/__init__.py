"""Utilities: files, labels, seeds, data sets, registration."""

from cornu.absent import names_of
from cornu.core.dtypes import standardize_dtype as standardize_dtype
from cornu.core.graph.graph import get_source_inputs as get_source_inputs
from cornu.core.objects.registry import (
    CustomObjectScope as CustomObjectScope,
    custom_object_scope as custom_object_scope,
    get_custom_objects as get_custom_objects,
    get_registered_name as get_registered_name,
    get_registered_object as get_registered_object,
    register_keras_serializable as register_keras_serializable,
)
from cornu.core.objects.serialize import (
    deserialize_keras_object as deserialize_keras_object,
    serialize_keras_object as serialize_keras_object,
)
from cornu.core.symbolic import is_symbolic as is_keras_tensor
from cornu.data.dataset import PyDataset as PyDataset
from cornu.random.seed import set_random_seed as set_random_seed
from cornu.session import clear_session as clear_session
from cornu.settings import (
    disable_interactive_logging as disable_interactive_logging,
    enable_interactive_logging as enable_interactive_logging,
    is_interactive_logging_enabled as is_interactive_logging_enabled,
)
from cornu.train.step import (
    pack_x_y_sample_weight as pack_x_y_sample_weight,
    unpack_x_y_sample_weight as unpack_x_y_sample_weight,
)
from cornu.utils import bounding_boxes as bounding_boxes, legacy as legacy
from cornu.utils.categories import normalize as normalize, to_categorical as to_categorical
from cornu.utils.config import Config as Config
from cornu.utils.directories import (
    audio_dataset_from_directory as audio_dataset_from_directory,
    image_dataset_from_directory as image_dataset_from_directory,
    text_dataset_from_directory as text_dataset_from_directory,
)
from cornu.utils.feature_space import FeatureSpace as FeatureSpace
from cornu.utils.files import get_file as get_file
from cornu.utils.images import (
    array_to_img as array_to_img,
    img_to_array as img_to_array,
    load_img as load_img,
    save_img as save_img,
)
from cornu.utils.progbar import Progbar as Progbar
from cornu.utils.sequences import pad_sequences as pad_sequences
from cornu.utils.split_dataset import split_dataset as split_dataset
from cornu.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array

Sequence = PyDataset

globals()["__getattr__"] = names_of(__name__)
