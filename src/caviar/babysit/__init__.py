"""The panda: one network, nursed while it trains.

with caviar.babysit.run("resnet-7", knobs=dict(learning_rate=0.1)) as run: ...     anyone's training loop
caviar.babysit.follow(Request(data="flowers.csv", target="species"))                caviar's own
"""
