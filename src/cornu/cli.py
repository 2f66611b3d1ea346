"""The command `cornu`.

    cornu demo                train a small network on this machine and look at what it does
    cornu run script.py ...   run a script with `import keras` and `tf.keras` answered by Cornu
    cornu summary FILE        the layers, shapes and sizes of a saved model
    cornu inspect FILE        what is in a file of a model or of weights, without loading it
    cornu describe PATH       what is in a folder of files, a table or arrays, before training
    cornu doctor              versions, devices, settings, caches, and what is wrong with them
    cornu build-kernels       compile the native kernels, where there is a C++ compiler

It ends with 0 if all went well, 1 after an error (one message, no traceback, except of the user's
own script), 2 if the command was not understood, 130 after Ctrl-C.
"""

import argparse
import importlib.metadata
import os
import platform
import runpy
import shutil
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

import cornu
from cornu import compat, demo, errors, settings
from cornu.compat.copied import explained
from cornu.engine import runtime
from cornu.findings import ERROR
from cornu.kernels.native import library as native
from cornu.kernels.native.build import build as build_native_kernels
from cornu.reports import canary, description, inspection
from cornu.version import KERAS_API, __version__

INTERRUPTED = 130
# Packages by the name they are installed under, and the extra of Cornu that brings them.
PACKAGES = {"jax": "", "jaxlib": "", "numpy": "", "rich": "", "pooch": ""}
EXTRAS = {"Pillow": "image", "matplotlib": "plot", "scikit-learn": "demo"}
VARIABLES = ("CORNU_", "KERAS_", "JAX_", "XLA_", "CUDA_VISIBLE", "NO_COLOR", "TERM")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: words after `cornu`; those of the process if None.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.do(options))
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough: `cornu demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        print(f"cornu {options.command}: {_message(error)}", file=sys.stderr)
        return 1


def _message(error: Exception) -> str:
    return "\n".join([str(error) or type(error).__name__, *getattr(error, "__notes__", [])])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cornu", description="Deep learning for humans: the Keras 3 API on JAX alone."
    )
    parser.add_argument(
        "--version", action="version", version=f"cornu {__version__} (Keras API {KERAS_API})"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    show = commands.add_parser(
        "demo",
        help="train a small network and look at what it does",
        description="Train the tutorials' digit classifier on this machine: data, training, test, "
        "predictions, saving and loading. MNIST is used where it is at hand or can be downloaded, "
        "else the small digits that scikit-learn brings.",
    )
    show.add_argument("--fashion", action="store_true", help="clothes instead of digits")
    show.add_argument("--cnn", action="store_true", help="a small convolutional network")
    show.add_argument("--epochs", type=_positive, metavar="N", help="times through the data")
    show.add_argument("--save", metavar="FILE", help="where the model goes (a temporary folder)")
    show.set_defaults(do=_demo)

    run = commands.add_parser(
        "run",
        help="run a script with keras and tf.keras answered by Cornu",
        description="Run a script in which `import keras` and `import tensorflow as tf; tf.keras` "
        "mean Cornu.",
    )
    run.add_argument("script", metavar="script.py")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="for the script")
    run.set_defaults(do=_run)

    summary = commands.add_parser(
        "summary",
        help="the layers, shapes and sizes of a saved model",
        description="Load a model without trusting its file, and print its summary.",
    )
    summary.add_argument("file", metavar="FILE.keras")
    summary.add_argument("--nested", action="store_true", help="show layers of models inside")
    summary.set_defaults(do=_summary)

    look = commands.add_parser(
        "inspect",
        help="what is in a file of a model or of weights, without loading it",
        description="Show what a .keras, .h5, .weights.h5, .weights.json or .safetensors file "
        "holds, who wrote it, and what looks suspicious. Nothing in it is run or loaded. Ends "
        "with 1 if loading would refuse the file.",
    )
    look.add_argument("file", metavar="FILE")
    look.add_argument("--arrays", action="store_true", help="also list the arrays of a model")
    look.add_argument("--json", action="store_true", help="everything, as JSON")
    look.set_defaults(do=_inspect)

    describe = commands.add_parser(
        "describe",
        help="what is in a folder of images, sounds or texts, in a table, or in arrays",
        description="Count samples and classes, look for missing values, constant columns, copies "
        "(also between train and test), and files that cannot be read. PATH is a folder, or a "
        ".csv, .tsv, .parquet, .npy, .npz or .txt file. Ends with 1 if training on it would go "
        "wrong.",
    )
    describe.add_argument("path", metavar="PATH")
    describe.add_argument("--test", metavar="PATH", help="test data, compared with PATH")
    describe.add_argument("--label", metavar="COLUMN", help="the column of labels of a table")
    describe.add_argument(
        "--seconds", type=_positive, default=60, metavar="N", help="time to look for (60)"
    )
    describe.add_argument("--json", action="store_true", help="everything, as JSON")
    describe.set_defaults(do=_describe)

    doctor = commands.add_parser(
        "doctor",
        help="versions, devices, settings, caches",
        description="What Cornu runs on here, and what is wrong with it.",
    )
    doctor.set_defaults(do=_doctor)

    kernels = commands.add_parser(
        "build-kernels",
        help="compile the native kernels for this machine",
        description="Compile the native kernels with the C++ compiler of this machine, test them, "
        "and keep them. Convolutions of up to 64 channels are faster with them; results differ "
        "by rounding.",
    )
    kernels.set_defaults(do=_build_kernels)
    return parser


def _positive(text: str) -> int:
    """A count on the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer >= 1, got {text!r}")
    return int(text)


def _demo(options: argparse.Namespace) -> int:
    runtime.tune_process()
    demo.run(
        fashion=options.fashion,
        epochs=options.epochs,
        convolutional=options.cnn,
        save=options.save,
    )
    return 0


# ---- run --------------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    """Run the script as `python` would: its folder leads the path, its arguments are `sys.argv`."""
    script = Path(options.script)
    if not script.is_file():
        raise FileNotFoundError(errors.explain(f"There is no script {options.script!r}."))
    runtime.tune_process()
    compat.install()
    sys.argv = [options.script, *options.arguments]
    sys.path.insert(0, str(script.resolve().parent))
    try:
        runpy.run_path(options.script, run_name="__main__")
    except Exception as error:
        explained(error)
        _show_error(error, options.script)
        return 1
    return 0


def _show_error(error: Exception, script: str) -> None:
    """Print the traceback from the script's first frame on, without those that led to it."""
    step = error.__traceback__
    while step is not None and step.tb_frame.f_code.co_filename != script:
        step = step.tb_next
    traceback.print_exception(type(error), error, step)


# ---- summary ----------------------------------------------------------------------------------


def _summary(options: argparse.Namespace) -> int:
    path = Path(options.file)
    model = cornu.saving.load_model(path, compile=False)
    model.summary(expand_nested=options.nested)
    print(f"{path}: {inspection.size(path.stat().st_size)}")
    return 0


def _inspect(options: argparse.Namespace) -> int:
    found = cornu.saving.inspect_file(options.file)
    if options.json:
        print(found.to_json())
    else:
        print(inspection.render_inspection(found, arrays=options.arrays, stream=sys.stdout))
    return 1 if found.is_dangerous else 0


def _describe(options: argparse.Namespace) -> int:
    found = cornu.data.describe(
        options.path, options.label, test=options.test, seconds=options.seconds
    )
    if options.json:
        print(found.to_json())
    else:
        print(description.render_description(found, stream=sys.stdout))
    return 1 if any(finding.severity == ERROR for finding in found.findings) else 0


def _build_kernels(options: argparse.Namespace) -> int:
    print(f"Built and tested: {build_native_kernels()}")
    print("They are used from the next start on; with CORNU_NATIVE=off they are not.")
    return 0


# ---- doctor -----------------------------------------------------------------------------------


def _doctor(options: argparse.Namespace) -> int:
    print(f"Cornu {__version__}, the API of Keras {KERAS_API}")
    python = f"{platform.python_version()}  {sys.executable}"
    _section("Versions", [("Python", python), ("system", platform.platform()), *_packages()])
    values = _settings()  # before the engine starts, which adds to XLA_FLAGS
    engine = runtime.describe()
    devices, problems = _devices()
    _section("Devices", devices)
    _section("Engine", [*engine.items(), ("native kernels", native.describe())])
    if len(devices) > 1:  # a program can be run
        numbers, wrong = _numbers()
        _section("Numbers", numbers)
        problems += wrong
    _section("Settings", values)
    _section("Folders", _folders())
    _section("Data sets", _data_sets())
    print("\nFindings")
    for line in problems or ["Nothing is wrong."]:
        print(f"  {line}")
    return 1 if problems else 0


def _section(title: str, rows: Iterable[tuple[str, str]]) -> None:
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:{width}}  {value}".rstrip())


def _packages() -> list[tuple[str, str]]:
    rows = []
    for name, extra in (PACKAGES | EXTRAS).items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "not installed; pip install " + (f"'cornu[{extra}]'" if extra else name)
        rows.append((name, found))
    return rows


def _devices() -> tuple[list[tuple[str, str]], list[str]]:
    """What JAX finds, what it can do, and what is wrong."""
    import jax

    cores = ("processor cores", str(len(os.sched_getaffinity(0))
             if hasattr(os, "sched_getaffinity") else os.cpu_count()))  # fmt: skip
    try:
        found = jax.devices()
        began = time.perf_counter()
        right = int(jax.jit(lambda x: (x * x).sum())(jax.numpy.arange(4))) == 14
        seconds = time.perf_counter() - began
    except RuntimeError as error:
        return [cores], [f"JAX finds no device: {str(error).splitlines()[0]}"]
    rows = [cores]
    rows += [(f"{device.platform}:{device.id}", device.device_kind) for device in found]
    rows.append(("a small program", f"compiles and runs in {seconds:.2f} s"))
    problems = [] if right else ["A small program gives a wrong result: reinstall jax and jaxlib."]
    if found[0].platform == "cpu" and shutil.which("nvidia-smi"):
        problems.append(
            f"There is an NVIDIA card, and JAX uses the processor (JAX_PLATFORMS is "
            f"{os.environ.get('JAX_PLATFORMS') or 'not set'}): pip install 'cornu[cuda]'."
        )
    return rows, problems


def _numbers() -> tuple[list[tuple[str, str]], list[str]]:
    """Whether this jaxlib computes what it should, and what to do if not."""
    began = time.perf_counter()
    found = canary.listen()
    seconds = time.perf_counter() - began
    state = "right" if found.is_safe else "not safe"
    rows = [
        (f"jaxlib {found.jaxlib}", f"sums are {state}, seen in {seconds:.2f} s"),
        ("left to YNNPACK", ", ".join(found.library) or "nothing"),
    ]
    problem = found.problem()
    if problem is None:
        return rows, []
    off = os.environ.get("CORNU_XLA_FLAGS")
    remedy = (
        f"Unset CORNU_XLA_FLAGS (it is {off!r})."
        if runtime.is_off("CORNU_XLA_FLAGS")
        else "Install another version of jaxlib, and report this one."
    )
    return rows, [f"{problem} {remedy}"]


def _settings() -> list[tuple[str, str]]:
    now = settings.current
    rows = [
        ("floatx", now.floatx),
        ("epsilon", str(now.epsilon)),
        ("image_data_format", now.image_data_format),
    ]
    given = sorted(name for name in os.environ if name.startswith(VARIABLES))
    return rows + [(name, os.environ[name]) for name in given]


def _folders() -> list[tuple[str, str]]:
    files = cornu.utils.files
    folders = {
        "files": files.home_folder(),
        "data sets": files.home_folder() / "datasets",
        "compiled": runtime.cache_folder(),
        "of Keras": files.keras_folder(),
    }
    return [(name, f"{folder}  {_content(folder)}") for name, folder in folders.items()]


def _content(folder: Path) -> str:
    if not folder.is_dir():
        return "(not there)"
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    writable = "" if os.access(folder, os.W_OK) else ", not writable"
    return f"({len(sizes):,} files, {inspection.size(sum(sizes))}{writable})"


def _data_sets() -> list[tuple[str, str]]:
    sets = cornu.datasets
    clothes = list(sets.fashion_mnist.FILES.values())
    single = {"Boston housing": "boston_housing", "California housing": "california_housing",
              "IMDB": "imdb", "Reuters": "reuters"}  # fmt: skip
    photographs = {"CIFAR-10": sets.cifar10, "CIFAR-100": sets.cifar100}
    places = {
        "MNIST": demo.files_at_hand(["mnist.npz"]),
        "Fashion-MNIST": demo.files_at_hand(clothes, "fashion-mnist"),
        **{title: demo.files_at_hand([f"{name}.npz"]) for title, name in single.items()},
        **{title: [found] if (found := module.at_hand()) else None
           for title, module in photographs.items()},
    }  # fmt: skip
    missing = "not here; downloaded when first asked for"
    return [(name, str(found[0]) if found else missing) for name, found in places.items()]


if __name__ == "__main__":
    sys.exit(main())
