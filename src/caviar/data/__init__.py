"""From a file to mini-batches.

    read      a file, a DataFrame or arrays      -> Table
    split     labels, a seed                     -> rows for training, validation and test
    learn     the training rows                  -> Preprocessing: encoding, imputation, normalisation
    prepare   all of the above                   -> Dataset: arrays for the engines, the test part sealed
    batches   an epoch's order                   -> mini-batches

Import from the rooms (``from caviar.data.dataset import prepare``): this file imports nothing, so that an engine
that only wants mini-batches does not pay for pandas.
"""
