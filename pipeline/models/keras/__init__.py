"""The only room that imports TensorFlow and Keras.

Importing it here, once and first, keeps what TensorFlow says of absent GPUs out of a person's sight; that its log level
does not reach. An import that fails still raises.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _import_tensorflow() -> None:
    """Import TensorFlow and look for devices while standard error, also that of C++, goes nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


_import_tensorflow()
