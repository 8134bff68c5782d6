"""Files that programs in other languages, and other Pythons, copy to speak with caviar: one each, nothing imported."""

CLIENTS = {
    "python": ("caviar_client.py",),
    "java": ("CaviarClient.java",),
    "torch": ("caviar_client.py", "caviar_torch.py"),
    "keras": ("caviar_client.py", "caviar_keras.py"),
    "tensorflow": ("caviar_client.py", "caviar_tensorflow.py"),
    "jax": ("caviar_client.py", "caviar_jax.py"),
    "paddle": ("caviar_client.py", "caviar_paddle.py"),
    "mxnet": ("caviar_client.py", "caviar_mxnet.py"),
    "sklearn": ("caviar_client.py", "caviar_sklearn.py"),
}
"""By name the files, of this folder, that a program needs."""
