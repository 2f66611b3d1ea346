"""Images per second from a folder of JPEGs, here and in Keras on tf.data and on grain.

Each measurement has a process of its own, the ways take turns, and the best of all rounds counts.
Images are made up, in sizes of photographs (4000 x 3000) and of ImageNet (500 x 375 and 256 x 256).

    python benchmarks/pipelines.py [--rounds 3] [--peer-python peers/bin/python]
    python benchmarks/pipelines.py --sizes 256x256 --images 20000

Beside images per second of wall time stands the processor time per image, which is comparable on a
busy machine too. `plain` decodes the whole image with Pillow and resizes it, in one thread.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# width x height -> (images, side of the batches' images)
SIZES = {"4000x3000": (24, 224), "500x375": (400, 180), "256x256": (800, 224)}
HERE = ("cornu 1", "cornu 2", "cornu exact 1", "cornu exact 2", "plain")
PEERS = ("tf.data", "grain")


def make(folder: Path, size: str, count: int) -> None:
    """Images that pack about as well as photographs, in two classes."""
    import numpy as np
    from PIL import Image

    width, height = map(int, size.split("x"))
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (8, height // 16, width // 16, 3), "uint8")
    for i in range(count):
        image = Image.fromarray(coarse[i % 8]).resize((width, height), Image.Resampling.BICUBIC)
        place = folder / f"class{i % 2}" / f"{i}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        image.rotate(i % 7).save(place, quality=90)


def batches(way: str, folder: str, side: int):
    """What gives the batches of one epoch."""
    options = {"image_size": (side, side), "batch_size": 32, "shuffle": False, "verbose": False}
    if way == "plain":
        import numpy as np
        from PIL import Image

        def plain():
            for path in sorted(Path(folder).glob("*/*.jpg")):
                size, method = (side, side), Image.Resampling.BILINEAR
                yield np.asarray(Image.open(path).convert("RGB").resize(size, method))

        return plain
    if way.startswith("cornu"):
        import cornu as keras

        decode = "exact" if "exact" in way else "auto"
        return keras.utils.image_dataset_from_directory(folder, decode=decode, **options).__iter__
    os.environ.setdefault("KERAS_BACKEND", "tensorflow" if way == "tf.data" else "jax")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    form = "tf" if way == "tf.data" else "grain"
    return keras.utils.image_dataset_from_directory(folder, format=form, **options).__iter__


def measure(way: str, folder: str, side: int, count: int) -> dict[str, float]:
    """Images per second and processor milliseconds per image, of the second epoch."""
    if way.endswith(" 1"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    start = batches(way, folder, side)
    for _ in start():
        pass
    wall, processor = time.perf_counter(), time.process_time()
    for _ in start():
        pass
    seconds = time.perf_counter() - wall
    used = time.process_time() - processor
    return {"images per second": count / seconds, "ms per image": 1000 * used / count}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", nargs="*", default=list(SIZES))
    parser.add_argument("--images", type=int, default=None, help="of each size")
    parser.add_argument("--peer-python", help="of an environment with keras and tensorflow")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        way, folder, side, count = options.measure
        print(json.dumps(measure(way, folder, int(side), int(count))))
        return
    ways = [*HERE, *(PEERS if options.peer_python else ())]
    with tempfile.TemporaryDirectory() as root:
        for size in options.sizes:
            count, side = SIZES[size]
            count = options.images or count
            make(Path(root, size), size, count)
            found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
            for _ in range(options.rounds):
                for way in ways:
                    python = options.peer_python if way in PEERS else sys.executable
                    command = [python, __file__, "--measure", way, str(Path(root, size))]
                    run = subprocess.run(
                        [*command, str(side), str(count)], capture_output=True, text=True
                    )
                    if run.returncode:
                        print(f"{way}: {run.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                        continue
                    found[way].append(json.loads(run.stdout.splitlines()[-1]))
            print(f"\n{size} -> {side}, {count} images")
            for way, results in found.items():
                if results:
                    fastest = max(r["images per second"] for r in results)
                    least = min(r["ms per image"] for r in results)
                    print(f"  {way:14} {fastest:9.1f} images/s {least:9.2f} ms of processor/image")


if __name__ == "__main__":
    main()
