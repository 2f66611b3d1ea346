"""The version of the library, and of the Keras API that it offers."""

__version__ = "0.1.0"
KERAS_API = "3.15"
