"""Running programs that were written for Keras or tf.keras: `import keras` means Cornu."""

from cornu.compat.alias import install as install, uninstall as uninstall
