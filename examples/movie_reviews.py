"""Movie reviews: is a sentence praise or not? Words as vectors, read in both directions.

    "a gorgeous , witty film" ─> TextVectorization ─> Embedding ─> Bidirectional(LSTM) ─> 0 to 1

`TextVectorization` learns the words of the training sentences (`adapt`) and turns each sentence
into their numbers, filled up with zeros to the same length. `mask_zero=True` marks the zeros as
padding, and the mask travels through the layers: the LSTM stops where the sentence does. The layer
is part of the model, which takes text, in training and from its file.

Measured: test accuracy 0.765 (guessing: 0.500) in 4 epochs, 20 seconds of one CPU core. More
epochs learn the 9,000 sentences by heart.

    python examples/movie_reviews.py

Data: `movie-reviews-positive.txt` and `movie-reviews-negative.txt`, a sentence a line, the sentence
polarity set of Pang and Lee.
"""

import argparse

import numpy as np
from at_hand import data_file

import cornu as keras
from cornu import layers

LENGTH, WORDS = 40, 8_000  # words of a sentence that are read; words that are known


def load_sentences():
    """All sentences, shuffled, and 1 for praise."""
    sentences, labels = [], []
    for label, kind in enumerate(("negative", "positive")):
        source = "https://www.cs.cornell.edu/people/pabo/movie-review-data (rt-polaritydata)"
        text = data_file(f"movie-reviews-{kind}.txt", source).read_text("utf-8")
        lines = [line for line in text.splitlines() if line.strip()]
        sentences += lines
        labels += [label] * len(lines)
    order = np.random.default_rng(0).permutation(len(labels))
    return np.array(sentences)[order], np.array(labels)[order]


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Tell praise from blame.")
    parser.add_argument("--epochs", type=int, default=4, help="times over the training data")
    parser.add_argument("--samples", type=int, default=9_000, help="training sentences to use")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    sentences, labels = load_sentences()
    test = slice(9_000, None)
    train = slice(0, options.samples)

    words = layers.TextVectorization(max_tokens=WORDS, output_sequence_length=LENGTH)
    words.adapt(sentences[train])
    model = keras.Sequential(
        [
            layers.Input((1,), dtype="string"),
            words,
            layers.Embedding(WORDS, 64, mask_zero=True),
            layers.Dropout(0.5),
            layers.Bidirectional(layers.LSTM(32)),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.summary()
    model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(sentences[train], labels[train], batch_size=64, epochs=options.epochs)

    _, accuracy = model.evaluate(sentences[test], labels[test], verbose=0)
    print(f"Test accuracy: {accuracy:.4f}")
    texts = ["a gorgeous , witty and moving film .", "dull , lifeless and far too long ."]
    for text, praise in zip(texts, model.predict(texts, verbose=0)[:, 0], strict=True):
        print(f"  {praise:6.1%} praise: {text}")


if __name__ == "__main__":
    main()
