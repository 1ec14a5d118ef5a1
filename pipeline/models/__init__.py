"""What a network is, in Keras for training and in NumPy for everything else, and how it is stored."""
