"""The version of the library, and of the Keras API that it offers."""

__version__ = "0.1.0"
KERAS_API = "3.15"
KERAS_VERSION = "3.15.1"  # which files name, and programs that ask the Keras they run on
