"""Programs about preprocessing, augmentation and data sets that get a message with a fix."""

from fixes.programs import Program

IMAGES = "images = np.ones((2, 8, 8, 3), 'float32')\n"
BOXES = "boxes = {'boxes': np.ones((2, 1, 4)), 'labels': np.zeros((2, 1))}\n"

AUGMENTATION = {
    "a dict without images": Program(
        IMAGES + "layers.RandomFlip()({'image': images}, training=True)", only=()
    ),
    "an image without channels": Program(
        "x = np.ones((8, 8), 'float32')\nlayers.RandomFlip()(x, training=True)", only=(0,)
    ),
    "boxes without labels": Program(
        IMAGES + "layers.RandomFlip(bounding_box_format='xyxy')("
        "{'images': images, 'bounding_boxes': {'boxes': np.ones((2, 1, 4))}})",
        only=(),
    ),
    "boxes of no format": Program(
        IMAGES + BOXES + "layers.RandomFlip()({'images': images, 'bounding_boxes': boxes}, "
        "training=True)"
    ),
    "a factor out of range": Program("layers.RandomContrast(factor=-1)"),
    "a range of values that is none": Program("layers.RandomBrightness(0.1, value_range=(1, 0))"),
    "a kernel of an even size": Program("layers.RandomGaussianBlur(kernel_size=2)"),
    "a fill value that is text": Program("layers.RandomErasing(fill_value='a')"),
    "classes to mix": Program(
        IMAGES + "labels = np.array([0, 1])\n"
        "layers.MixUp()({'images': images, 'labels': labels}, training=True)"
    ),
    "masks to mix": Program(
        IMAGES + "masks = np.ones((2, 8, 8, 1), 'int32')\n"
        "layers.MixUp()({'images': images, 'segmentation_masks': masks}, training=True)",
        only=(),
    ),
    "boxes to cut": Program(
        IMAGES + BOXES + "layers.CutMix()({'images': images, 'bounding_boxes': boxes}, "
        "training=True)"
    ),
    "one image to mix": Program("layers.MixUp()(np.ones((8, 8, 3)), training=True)", only=()),
    "an alpha below zero": Program("layers.MixUp(alpha=-1.0)"),
    "a depth of no distribution": Program("layers.AugMix(alpha=-1.0)"),
    "two ways to keep a ratio": Program(
        "layers.Resizing(4, 4, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)"
    ),
    "a pipeline of one layer": Program("layers.Pipeline(layers.RandomFlip())"),
}

PREPROCESSING = {
    "no number of categories": Program("layers.CategoryEncoding()", only=(0,)),
    "a category that is too large": Program("layers.CategoryEncoding(num_tokens=3)([7])"),
    "weights of one-hot vectors": Program(
        "layers.CategoryEncoding(num_tokens=3, output_mode='one_hot')([1], count_weights=[1.0])"
    ),
    "boundaries out of order": Program(
        "bin_boundaries = [2.0, 1.0]\nlayers.Discretization(bin_boundaries=bin_boundaries)"
    ),
    "sparse bins": Program("layers.Discretization(num_bins=3, sparse=True)"),
    "neither bins nor boundaries": Program("layers.Discretization()", only=()),
    "bins that are given and learned": Program(
        "layer = layers.Discretization(bin_boundaries=[0.0])\nlayer.adapt(x)", only=()
    ),
    "quantiles of nan": Program(
        "data = np.array([1.0, np.nan, 2.0])\nlayers.Discretization(num_bins=2).adapt(data)"
    ),
    "bins before adapt": Program(
        "x_train = x\nlayer = layers.Discretization(num_bins=2)\nlayer(x)"
    ),
    "a mean alone": Program("layers.Normalization(mean=0.0)"),
    "an axis that is not there": Program("layers.Normalization(axis=5)(x)"),
    "moments that are given and learned": Program(
        "layer = layers.Normalization(mean=0.0, variance=1.0)\nlayer.adapt(x)", only=()
    ),
    "moments of nan": Program(
        "data = np.array([[1.0], [np.nan]])\nlayers.Normalization().adapt(data)"
    ),
    "a normalization before adapt": Program(
        "x_train = x\nlayer = layers.Normalization()\nlayer(x)"
    ),
    "a number to adapt to": Program(
        "data = 3\nlayer = layers.Normalization()\nlayer.adapt(data)", only=()
    ),
    "an endless data set": Program(
        "data = keras.data.Dataset.from_tensor_slices(x).batch(8).repeat()\n"
        "layer = layers.Normalization()\nlayer.adapt(data)"
    ),
    "salt of three": Program("layers.Hashing(num_bins=3, salt=[1, 2, 3])"),
    "sparse hashes": Program("layers.Hashing(num_bins=3, sparse=True)"),
    "one input to cross": Program("layers.HashedCrossing(num_bins=3)([['a']])", only=()),
    "numbers to cross": Program(
        "x = np.ones(2)\nlayers.HashedCrossing(num_bins=3)((x, x))", only=()
    ),
    "padding without a size": Program("layers.StringLookup(pad_to_max_tokens=True)"),
    "one-hot terms": Program(
        "layers.StringLookup(vocabulary=['a'], invert=True, output_mode='one_hot')"
    ),
    "sparse indices": Program("layers.StringLookup(vocabulary=['a'], sparse=True)"),
    "weights of indices": Program("layers.StringLookup(vocabulary=['a'], idf_weights=[1.0])"),
    "salt of a lookup": Program(
        "layers.StringLookup(vocabulary=['a'], num_oov_indices=2, salt=[1, 2, 3])"
    ),
    "an empty vocabulary": Program("layers.StringLookup(vocabulary=[])"),
    "a vocabulary that is too large": Program(
        "layers.StringLookup(vocabulary=['a', 'b', 'c'], max_tokens=2)"
    ),
    "a vocabulary that is given and learned": Program(
        "layer = layers.StringLookup(vocabulary=['a'])\nlayer.adapt(['b'])"
    ),
    "terms before adapt": Program(
        "data = ['a']\nlayer = layers.StringLookup()\nlayer(['a'])", only=()
    ),
    "a term that is not known": Program(
        "layers.IntegerLookup(vocabulary=[1], num_oov_indices=0)([5])"
    ),
    "a term twice": Program("vocabulary = ['a', 'a']\nlayers.StringLookup(vocabulary=vocabulary)"),
    "integers in a lookup of texts": Program(
        "data = [1]\nlayers.StringLookup(vocabulary=['a'])(data)"
    ),
    "floats in a lookup": Program(
        "x = np.array([1.5])\nlayers.IntegerLookup(vocabulary=[1])(x)", only=()
    ),
    "texts in a lookup of integers": Program(
        "vocabulary = ['a']\nlayers.IntegerLookup(vocabulary=vocabulary)"
    ),
    "bytes of another encoding": Program(
        "layers.StringLookup(vocabulary=['a'])(np.array([b'\\xff']))"
    ),
    "missing texts": Program(
        "import pandas as pd\ndata = pd.Series(['a', None])\n"
        "layers.StringLookup(vocabulary=['a'])(data)"
    ),
    "n-grams of zero": Program("layers.TextVectorization(ngrams=0)"),
    "a length of counts": Program(
        "layers.TextVectorization(output_mode='count', output_sequence_length=3)"
    ),
    "an unknown way to split": Program(
        "layer = layers.TextVectorization(split=3)\nlayer.adapt(['a b'])", only=()
    ),
    "no features": Program("keras.utils.FeatureSpace({})"),
    "a cross of one": Program(
        "keras.utils.FeatureSpace({'a': 'float_rescaled'}, crosses=3)", only=()
    ),
    "a space before adapt": Program(
        "space = keras.utils.FeatureSpace({'a': 'float_normalized'})\nspace({'a': [1.0]})", only=()
    ),
}

DATASETS = {
    "no batches": Program(
        "dataset = keras.data.Dataset.from_tensor_slices((x, y))\n"
        "model = keras.Sequential([layers.Dense(3)])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\n"
        "model.fit(dataset, verbose=0)"
    ),
    "a map of no function": Program("data = keras.data.Dataset.range(3)\ndata.map(3)"),
    "a map that returns nothing": Program(
        "data = keras.data.Dataset.range(3)\nlist(data.map(lambda n: None))", only=()
    ),
    "windows that do not fit": Program(
        "keras.utils.timeseries_dataset_from_array(np.arange(5), None, sequence_length=10)"
    ),
    "a frozen config": Program(
        "settings = keras.utils.Config(a=1)\nsettings.freeze()\nsettings.a = 2"
    ),
}
