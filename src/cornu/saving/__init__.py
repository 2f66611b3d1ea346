"""Saving and loading of models, weights and objects, and registration of custom ones."""

import cornu.models  # whose classes files name
from cornu.absent import names_of
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
from cornu.saving.file_editor import KerasFileEditor as KerasFileEditor
from cornu.saving.inspection import inspect_file as inspect_file
from cornu.storage.persistence import (
    load_model as load_model,
    save_model as save_model,
)
from cornu.storage.weights_files import load_weights as load_weights, save_weights as save_weights

globals()["__getattr__"] = names_of(__name__)
