"""From a file to mini-batches.

    read      a file, a DataFrame or arrays      -> Table
    split     labels, a seed                     -> rows for training, validation and test
    learn     the training rows                  -> Preprocessing: encoding, imputation, normalisation
    prepare   all of the above                   -> Dataset: examples in three parts, the test part sealed
    batches   an epoch's order                   -> mini-batches

Import from the rooms (``from caviar.data.dataset import prepare``). pandas is imported by the functions that use it.
"""
