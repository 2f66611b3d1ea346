"""The face of the layers."""

from cornu.absent import names_of
from cornu.layers.attention.dot_product import (
    AdditiveAttention as AdditiveAttention,
    Attention as Attention,
)
from cornu.layers.attention.grouped_query import GroupedQueryAttention as GroupQueryAttention
from cornu.layers.attention.multi_head import MultiHeadAttention as MultiHeadAttention
from cornu.layers.augmentation.affine import (
    RandomRotation as RandomRotation,
    RandomShear as RandomShear,
    RandomTranslation as RandomTranslation,
    RandomZoom as RandomZoom,
)
from cornu.layers.augmentation.color import (
    RandomBrightness as RandomBrightness,
    RandomColorDegeneration as RandomColorDegeneration,
    RandomColorJitter as RandomColorJitter,
    RandomContrast as RandomContrast,
    RandomGrayscale as RandomGrayscale,
    RandomHue as RandomHue,
    RandomInvert as RandomInvert,
    RandomSaturation as RandomSaturation,
)
from cornu.layers.augmentation.erasing import RandomErasing as RandomErasing
from cornu.layers.augmentation.filters import (
    RandomGaussianBlur as RandomGaussianBlur,
    RandomSharpness as RandomSharpness,
)
from cornu.layers.augmentation.flip import RandomFlip as RandomFlip
from cornu.layers.augmentation.max_boxes import MaxNumBoundingBoxes as MaxNumBoundingBoxes
from cornu.layers.augmentation.mixing import CutMix as CutMix, MixUp as MixUp
from cornu.layers.augmentation.policies import AugMix as AugMix, RandAugment as RandAugment
from cornu.layers.augmentation.sizes import (
    CenterCrop as CenterCrop,
    RandomCrop as RandomCrop,
    Resizing as Resizing,
)
from cornu.layers.augmentation.tone import (
    AutoContrast as AutoContrast,
    ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
    Equalization as Equalization,
    RandomPosterization as RandomPosterization,
    Solarization as Solarization,
)
from cornu.layers.augmentation.warping import (
    RandomElasticTransform as RandomElasticTransform,
    RandomPerspective as RandomPerspective,
)
from cornu.layers.base.by_config import deserialize as deserialize, serialize as serialize
from cornu.layers.base.input_spec import InputSpec as InputSpec
from cornu.layers.base.layer import Layer as Layer
from cornu.layers.base.wrapper import Wrapper as Wrapper
from cornu.layers.convolutional.conv import (
    Conv1D as Conv1D,
    Conv1D as Convolution1D,
    Conv2D as Conv2D,
    Conv2D as Convolution2D,
    Conv3D as Conv3D,
    Conv3D as Convolution3D,
)
from cornu.layers.convolutional.depthwise import (
    DepthwiseConv1D as DepthwiseConv1D,
    DepthwiseConv2D as DepthwiseConv2D,
    SeparableConv1D as SeparableConv1D,
    SeparableConv1D as SeparableConvolution1D,
    SeparableConv2D as SeparableConv2D,
    SeparableConv2D as SeparableConvolution2D,
)
from cornu.layers.convolutional.transpose import (
    Conv1DTranspose as Conv1DTranspose,
    Conv1DTranspose as Convolution1DTranspose,
    Conv2DTranspose as Conv2DTranspose,
    Conv2DTranspose as Convolution2DTranspose,
    Conv3DTranspose as Conv3DTranspose,
    Conv3DTranspose as Convolution3DTranspose,
)
from cornu.layers.core.activation import (
    ELU as ELU,
    Activation as Activation,
    LeakyReLU as LeakyReLU,
    PReLU as PReLU,
    ReLU as ReLU,
    Softmax as Softmax,
)
from cornu.layers.core.dense import Dense as Dense
from cornu.layers.core.einsum_dense import EinsumDense as EinsumDense
from cornu.layers.core.embedding import Embedding as Embedding
from cornu.layers.core.input import Input as Input, InputLayer as InputLayer
from cornu.layers.core.pipeline import Pipeline as Pipeline
from cornu.layers.core.reversible_embedding import ReversibleEmbedding as ReversibleEmbedding
from cornu.layers.core.small import Identity as Identity, Lambda as Lambda, Masking as Masking
from cornu.layers.foreign import (
    FlaxLayer as FlaxLayer,
    JaxLayer as JaxLayer,
    TFSMLayer as TFSMLayer,
    TorchModuleWrapper as TorchModuleWrapper,
)
from cornu.layers.global_pooling import (
    AdaptiveAveragePooling1D as AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D as AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D as AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D as AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D as AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D as AdaptiveMaxPooling3D,
    GlobalAveragePooling1D as GlobalAveragePooling1D,
    GlobalAveragePooling1D as GlobalAvgPool1D,
    GlobalAveragePooling2D as GlobalAveragePooling2D,
    GlobalAveragePooling2D as GlobalAvgPool2D,
    GlobalAveragePooling3D as GlobalAveragePooling3D,
    GlobalAveragePooling3D as GlobalAvgPool3D,
    GlobalMaxPooling1D as GlobalMaxPool1D,
    GlobalMaxPooling1D as GlobalMaxPooling1D,
    GlobalMaxPooling2D as GlobalMaxPool2D,
    GlobalMaxPooling2D as GlobalMaxPooling2D,
    GlobalMaxPooling3D as GlobalMaxPool3D,
    GlobalMaxPooling3D as GlobalMaxPooling3D,
)
from cornu.layers.merging import (
    Add as Add,
    Average as Average,
    Concatenate as Concatenate,
    Dot as Dot,
    Maximum as Maximum,
    Minimum as Minimum,
    Multiply as Multiply,
    Subtract as Subtract,
    add as add,
    average as average,
    concatenate as concatenate,
    dot as dot,
    maximum as maximum,
    minimum as minimum,
    multiply as multiply,
    subtract as subtract,
)
from cornu.layers.normalization.batch import BatchNormalization as BatchNormalization
from cornu.layers.normalization.norms import (
    GroupNormalization as GroupNormalization,
    LayerNormalization as LayerNormalization,
    RMSNormalization as RMSNormalization,
    UnitNormalization as UnitNormalization,
)
from cornu.layers.normalization.spectral import SpectralNormalization as SpectralNormalization
from cornu.layers.pooling import (
    AveragePooling1D as AveragePooling1D,
    AveragePooling1D as AvgPool1D,
    AveragePooling2D as AveragePooling2D,
    AveragePooling2D as AvgPool2D,
    AveragePooling3D as AveragePooling3D,
    AveragePooling3D as AvgPool3D,
    MaxPooling1D as MaxPool1D,
    MaxPooling1D as MaxPooling1D,
    MaxPooling2D as MaxPool2D,
    MaxPooling2D as MaxPooling2D,
    MaxPooling3D as MaxPool3D,
    MaxPooling3D as MaxPooling3D,
)
from cornu.layers.preprocessing.category_encoding import CategoryEncoding as CategoryEncoding
from cornu.layers.preprocessing.discretization import Discretization as Discretization
from cornu.layers.preprocessing.hashing import (
    HashedCrossing as HashedCrossing,
    Hashing as Hashing,
)
from cornu.layers.preprocessing.integer_lookup import IntegerLookup as IntegerLookup
from cornu.layers.preprocessing.normalization import Normalization as Normalization
from cornu.layers.preprocessing.rescaling import Rescaling as Rescaling
from cornu.layers.preprocessing.spectrograms import (
    MelSpectrogram as MelSpectrogram,
    STFTSpectrogram as STFTSpectrogram,
)
from cornu.layers.preprocessing.string_lookup import StringLookup as StringLookup
from cornu.layers.preprocessing.text_vectorization import TextVectorization as TextVectorization
from cornu.layers.regularization import (
    ActivityRegularization as ActivityRegularization,
    AlphaDropout as AlphaDropout,
    Dropout as Dropout,
    GaussianDropout as GaussianDropout,
    GaussianNoise as GaussianNoise,
    SpatialDropout1D as SpatialDropout1D,
    SpatialDropout2D as SpatialDropout2D,
    SpatialDropout3D as SpatialDropout3D,
)
from cornu.layers.reshaping import (
    Flatten as Flatten,
    Permute as Permute,
    RepeatVector as RepeatVector,
    Reshape as Reshape,
)
from cornu.layers.resizing import (
    Cropping1D as Cropping1D,
    Cropping2D as Cropping2D,
    Cropping3D as Cropping3D,
    UpSampling1D as UpSampling1D,
    UpSampling2D as UpSampling2D,
    UpSampling3D as UpSampling3D,
    ZeroPadding1D as ZeroPadding1D,
    ZeroPadding2D as ZeroPadding2D,
    ZeroPadding3D as ZeroPadding3D,
)
from cornu.layers.rnn.cells import (
    GRUCell as GRUCell,
    LSTMCell as LSTMCell,
    SimpleRNNCell as SimpleRNNCell,
)
from cornu.layers.rnn.conv_lstm import (
    ConvLSTM1D as ConvLSTM1D,
    ConvLSTM2D as ConvLSTM2D,
    ConvLSTM3D as ConvLSTM3D,
)
from cornu.layers.rnn.recurrent import GRU as GRU, LSTM as LSTM, SimpleRNN as SimpleRNN
from cornu.layers.rnn.rnn import RNN as RNN
from cornu.layers.rnn.stacked import StackedRNNCells as StackedRNNCells
from cornu.layers.rnn.wrappers import (
    Bidirectional as Bidirectional,
    TimeDistributed as TimeDistributed,
)

globals()["__getattr__"] = names_of(__name__)
