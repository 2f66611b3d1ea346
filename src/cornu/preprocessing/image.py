"""Images as Keras 2 prepared them, and the functions of single images that are still in use."""

from cornu.absent import names_of
from cornu.preprocessing.affine import (
    apply_affine_transform as apply_affine_transform,
    apply_brightness_shift as apply_brightness_shift,
    apply_channel_shift as apply_channel_shift,
    random_brightness as random_brightness,
    random_channel_shift as random_channel_shift,
    random_rotation as random_rotation,
    random_shear as random_shear,
    random_shift as random_shift,
    random_zoom as random_zoom,
)
from cornu.preprocessing.file_iterators import (
    DataFrameIterator as DataFrameIterator,
    DirectoryIterator as DirectoryIterator,
)
from cornu.preprocessing.generator import ImageDataGenerator as ImageDataGenerator
from cornu.preprocessing.iterators import (
    Iterator as Iterator,
    NumpyArrayIterator as NumpyArrayIterator,
)
from cornu.utils.images import (
    array_to_img as array_to_img,
    img_to_array as img_to_array,
    load_img as load_img,
    save_img as save_img,
    smart_resize as smart_resize,
)

globals()["__getattr__"] = names_of(__name__)
