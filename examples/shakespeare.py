"""Shakespeare, letter by letter: a small transformer that learns to write plays.

    64 characters ─> Embedding + place ─> [causal attention, Dense] x 2 ─> the next character, 64x

Causal attention lets each character look at those before it only, so one pass over a text is a
lesson at every place in it. To write, the model is asked for the next character again and again.

Measured: 2.52 bits a character on the last tenth of the text, which it never saw (uniform guessing:
6.02), in 5 epochs, 88 seconds of one CPU core.

    python examples/shakespeare.py

Data: `shakespeare.txt`, 1.1 MB of plays.
"""

import argparse

import numpy as np
from at_hand import data_file

import cornu as keras
from cornu import layers, ops

LENGTH, WIDTH, HEADS, BLOCKS = 64, 96, 4, 2


def transformer(characters):
    """From characters `(batch, 64)` to logits of the next ones, `(batch, 64, characters)`."""
    ids = layers.Input((LENGTH,), dtype="int32")
    places = layers.Embedding(LENGTH, WIDTH)(ops.arange(LENGTH))
    x = layers.Embedding(characters, WIDTH)(ids) + places
    for _ in range(BLOCKS):
        y = layers.LayerNormalization()(x)
        x += layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y, use_causal_mask=True)
        y = layers.LayerNormalization()(x)
        x += layers.Dense(WIDTH)(layers.Dense(4 * WIDTH, activation="gelu")(y))
    return keras.Model(ids, layers.Dense(characters)(layers.LayerNormalization()(x)))


def write(model, alphabet, start, length, temperature=0.7):
    """`length` characters after `start`, drawn from what the model finds likely."""
    random = np.random.default_rng(0)
    ids = [alphabet.index(c) for c in start]
    for _ in range(length):
        seen = ids[-LENGTH:]
        x = np.array([seen + [0] * (LENGTH - len(seen))])  # nothing looks at what comes after
        logits = model.predict_on_batch(x)[0, len(seen) - 1] / temperature
        odds = np.exp(logits - logits.max())
        ids.append(random.choice(len(alphabet), p=odds / odds.sum()))
    return "".join(alphabet[i] for i in ids)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Learn to write plays.")
    parser.add_argument("--epochs", type=int, default=5, help="times over the training data")
    parser.add_argument("--samples", type=int, default=15_680, help="training pieces to use")
    parser.add_argument("--write", type=int, default=400, help="characters to write at the end")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    source = "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt"
    text = data_file("shakespeare.txt", source).read_text("utf-8")
    alphabet = sorted(set(text))
    ids = np.array([alphabet.index(c) for c in text], "int32")
    pieces = ids[: len(ids) // (LENGTH + 1) * (LENGTH + 1)].reshape(-1, LENGTH + 1)
    x, y = pieces[:, :-1], pieces[:, 1:]  # at each place, the character that comes next
    train, test = slice(0, min(options.samples, len(x) * 9 // 10)), slice(len(x) * 9 // 10, None)

    model = transformer(len(alphabet))
    model.summary()
    model.compile(
        keras.optimizers.AdamW(2e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(x[train], y[train], batch_size=32, epochs=options.epochs)

    bits = model.evaluate(x[test], y[test], verbose=0) / np.log(2)
    print(f"Bits a character: {bits:.3f}\n")
    print(write(model, alphabet, "ROMEO:\n", options.write))


if __name__ == "__main__":
    main()
