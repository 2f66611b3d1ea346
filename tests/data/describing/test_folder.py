"""What is in folders of images, sounds and texts."""

import io
import wave

import numpy as np
import pytest

from cornu.data import describe

PIL = pytest.importorskip("PIL.Image")


def image(seed, size=(40, 30), mode="RGB", form="png"):
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    file = io.BytesIO()
    PIL.fromarray(pixels).resize(size).convert(mode).save(file, form)
    return file.getvalue()


def sound(samples, rate=8000):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.asarray(samples, "<i2").tobytes())
    return file.getvalue()


def write(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_images_in_classes(tmp_path):
    write(tmp_path, {
        "cat/1.png": image(1), "cat/2.jpg": image(2, (20, 30), form="jpeg"),
        "cat/3.png": image(1), "dog/1.png": image(1), "dog/2.png": image(3, mode="L"),
        "dog/big.jpg": image(2, (40, 60), form="jpeg"), "dog/cut.png": image(4)[:60],
        "dog/empty.jpg": b"", "dog/page.jpg": b"<!DOCTYPE html>", "dog/notes.doc": b"x",
    })  # fmt: skip
    (tmp_path / "hare").mkdir()
    PIL.new("RGB", (40, 30), (3, 3, 3)).save(tmp_path / "cat/plain.png")
    found = describe(tmp_path)
    (part,) = found.parts
    assert found.kind == "images" and found.is_complete
    assert part.classes == {"cat": 4, "dog": 6, "hare": 0} and part.samples == 10
    assert part.facts["modes"] == {"RGB": 6, "L": 1}
    assert part.facts["formats"] == {"PNG": 5, "JPEG": 2}
    assert (part.facts["width"]["low"], part.facts["width"]["high"]) == (20, 40)
    assert set(part.unreadable) == {"dog/cut.png", "dog/empty.jpg", "dog/page.jpg"}
    assert "HTML" in part.unreadable["dog/page.jpg"]
    assert (part.copies, part.conflicts) == (2, 1)
    assert part.similar == 1  # the same picture, twice as large
    kinds = {finding.kind for finding in found.findings}
    assert kinds == {"unreadable", "conflicts", "copies", "similar", "modes", "contrast", "classes"}


def test_training_and_test_folders(tmp_path):
    write(tmp_path, {
        "train/a/1.png": image(1), "train/b/1.png": image(2),
        "test/a/1.png": image(3), "test/c/1.png": image(2),
    })  # fmt: skip
    found = describe(tmp_path)
    assert [(part.name, part.samples) for part in found.parts] == [("training", 2), ("test", 2)]
    assert found.shared == 1
    assert {"shared", "classes"} <= {finding.kind for finding in found.findings}
    assert describe(tmp_path / "train", test=tmp_path / "test").shared == 1


def test_sounds(tmp_path):
    tone = np.sin(np.arange(800)) * 1000
    write(tmp_path, {"a/1.wav": sound(tone), "a/2.wav": sound(tone[:400], 16_000),
                     "b/1.wav": sound(np.zeros(80)), "b/2.wav": b"RIFF"})  # fmt: skip
    found = describe(tmp_path)
    (part,) = found.parts
    assert found.kind == "sounds" and list(part.unreadable) == ["b/2.wav"]
    assert part.facts["rates"] == {"8000 Hz": 2, "16000 Hz": 1}
    assert part.facts["seconds"]["high"] == 0.1 and part.facts["loudness"] == {"silent": 1}
    assert {"rates", "loudness", "unreadable"} == {finding.kind for finding in found.findings}


def test_texts(tmp_path):
    write(tmp_path, {"pos/1.txt": b"a good film", "pos/2.txt": b"  ", "neg/1.txt": b"a bad film",
                     "neg/2.txt": b"\xff\xfe"})  # fmt: skip
    found = describe(tmp_path)
    (part,) = found.parts
    assert found.kind == "texts" and part.classes == {"neg": 2, "pos": 2}
    assert list(part.unreadable) == ["neg/2.txt"] and part.facts["content"] == {"empty": 1}
    assert part.columns[0].vocabulary == 4


def test_a_part_of_a_large_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("cornu.data.describing.folder.AT_ONCE", 4)
    write(tmp_path, {f"{c}/{k}.txt": f"{c}{k}".encode() for c in "abc" for k in range(10)})
    found = describe(tmp_path, seconds=0)
    (part,) = found.parts
    assert (part.samples, part.seen) == (30, 4) and not found.is_complete
    assert part.classes == {"a": 10, "b": 10, "c": 10}


def test_a_folder_of_other_files(tmp_path):
    write(tmp_path, {"a/1.tiff": b"x"})
    with pytest.raises(ValueError, match=r"no images, sounds or texts[^$]*1 \.tiff"):
        describe(tmp_path)
    with pytest.raises(ValueError, match="subfolders of a folder are its classes"):
        describe(tmp_path, [0])
