"""Networks in Keras, for training.

Importing this package imports TensorFlow, without the messages about absent GPUs that it prints in spite of its log
level. So other modules that use TensorFlow import from this package first. An import that fails still raises.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _import_tensorflow() -> None:
    """Import TensorFlow and list its devices with standard error, also that of C++, sent to the null device."""
    sys.stderr.flush()
    stderr = os.dup(2)
    null_device = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null_device, 2)
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null_device)


_import_tensorflow()
