"""The only room that imports TensorFlow and Keras."""
