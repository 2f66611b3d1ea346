"""Spoken digits: from a folder of WAV files to the digit that was said.

    {digit}/*.wav ─> audio_dataset_from_directory ─> 8,000 samples a second
    MelSpectrogram (frequency, time) ─> Conv1D over time ─> the digit

A mel spectrogram says how strong each pitch is in each hundredth of a second, as far as ears tell
pitches apart. `Conv1D` slides over time alone, with the pitches as its channels; the maximum over
time asks whether a sound was heard, not when. The spectrogram is a layer: the saved model takes
sound.

Measured: test accuracy 1.000 on the standard test set, recordings 0 to 4 of each digit and
speaker, in 25 epochs, 50 seconds of one CPU core.

    python examples/spoken_digits.py

Data: `spoken-digits.zip`, recordings `{digit}_{speaker}_{index}.wav`, mono, 8 kHz, 16 bits.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

from at_hand import data_file

import cornu as keras
from cornu import layers

SECOND = 8_000  # samples; longer recordings are cut, shorter ones followed by silence
SOURCE = "https://github.com/Jakobovski/free-spoken-digit-dataset"


def unpack(folder):
    """Put the recordings into `train/{digit}/` and `test/{digit}/`."""
    with zipfile.ZipFile(data_file("spoken-digits.zip", SOURCE)) as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".wav")):
            digit, _, index = name.removesuffix(".wav").split("_")
            part = "test" if int(index) < 5 else "train"
            path = Path(folder, part, digit, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))


def recordings(folder, **options):
    """A data set of sounds `(batch, 8000, 1)` from -1 to 1 and their digits."""
    return keras.utils.audio_dataset_from_directory(
        folder, output_sequence_length=SECOND, batch_size=32, verbose=False, **options
    ).cache()


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Recognise spoken digits.")
    parser.add_argument("--epochs", type=int, default=25, help="times over the training data")
    parser.add_argument("--samples", type=int, default=2_700, help="training recordings to use")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        unpack(folder)
        train = recordings(f"{folder}/train", seed=0).take(-(-options.samples // 32))
        test = recordings(f"{folder}/test", shuffle=False)

        model = keras.Sequential(
            [
                layers.Input((SECOND, 1)),
                layers.Reshape((SECOND,)),
                layers.MelSpectrogram(
                    num_mel_bins=64, sampling_rate=SECOND, sequence_stride=100, fft_length=256
                ),
                layers.Permute((2, 1)),  # (pitch, time) ─> (time, pitch)
                layers.BatchNormalization(),
                layers.Conv1D(64, 5, padding="same", activation="relu"),
                layers.MaxPooling1D(),
                layers.Conv1D(96, 5, padding="same", activation="relu"),
                layers.MaxPooling1D(),
                layers.Conv1D(128, 5, padding="same", activation="relu"),
                layers.GlobalMaxPooling1D(),
                layers.Dropout(0.4),
                layers.Dense(10, activation="softmax"),
            ]
        )
        model.summary()
        model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(train, epochs=options.epochs)

        _, accuracy = model.evaluate(test, verbose=0)
        print(f"Test accuracy: {accuracy:.4f}")


if __name__ == "__main__":
    main()
