"""A training in which somebody presses Ctrl-C, at random moments, several times."""

import json
import os
import random
import signal
import sys
import threading

import numpy as np

from train.models import blobs, classifier


def main(times):
    chance = random.Random(times)
    x, y = blobs(960)
    model = classifier()
    model.fit(x, y, verbose=0)  # compiled
    caught = epochs = 0
    for _ in range(times):
        press = threading.Timer(
            chance.uniform(0.0, 0.1), lambda: os.kill(os.getpid(), signal.SIGINT)
        )
        press.start()
        try:
            model.fit(x, y, epochs=100_000, batch_size=8, verbose=0)
        except KeyboardInterrupt:
            caught += 1
        epochs += len(model.history.history.get("loss", []))
        assert all(np.isfinite(w).all() for w in model.get_weights())
        assert np.isfinite(model.history.history.get("loss", [0.0])).all()
    steps = int(model.optimizer.iterations)
    print(json.dumps({"caught": caught, "epochs": epochs, "steps": steps}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
