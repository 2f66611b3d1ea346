"""The command `cornu`: run in this process, and where the process matters in one of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from cornu import cli, demo, layers, models


def command(*words, **more):
    """Run `cornu` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cornu.cli", *words], capture_output=True, text=True, **more
    )


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No data set at hand, and no network."""
    monkeypatch.setenv("CORNU_DATA", "")
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "cornu"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(demo, "_answers", lambda address: False)


# ---- demo -------------------------------------------------------------------------------------


def test_demo_from_data_to_a_loaded_model(offline, tmp_path, capsys):
    pytest.importorskip("sklearn")
    path = tmp_path / "digits.keras"
    assert cli.main(["demo", "--epochs", "30", "--save", str(path)]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == (
        "MNIST is not here (storage.googleapis.com does not answer): "
        "this is scikit-learn's small digits instead."
    )
    assert "1,437 images of 8 x 8 pixels to learn, 360 to be tested on" in lines[1]
    assert "33,280" in out and "5,130" in out  # 64 * 512 + 512, 512 * 10 + 10
    assert "Epoch 30/30" in out
    accuracy = float(re.search(r"Test: ([\d.]+)% of the 360", out).group(1))
    assert accuracy > 90
    assert "The first test images" in out and "█" in out
    assert f"Saved: {path}" in out and path.stat().st_size > 1000
    assert "predicts the same for all 360 test images" in out
    assert not set("\r\x1b\x08") & set(out)  # no control characters outside a terminal


def test_demo_ends_with_a_command_that_works_as_written(monkeypatch, tmp_path):
    own = tmp_path / ".venv" / "bin" / "cornu"
    own.parent.mkdir(parents=True)
    own.write_text("")
    own.chmod(0o755)
    monkeypatch.setattr(demo.sys, "executable", str(own.with_name("python")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert demo.command() == ".venv/bin/cornu"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert demo.command() == str(own)
    monkeypatch.setenv("PATH", str(own.parent))
    assert demo.command() == "cornu"


def test_demo_with_a_convolutional_network(offline, capsys):
    pytest.importorskip("sklearn")
    assert cli.main(["demo", "--cnn", "--epochs", "1"]) == 0
    out = capsys.readouterr().out
    assert "Conv2D" in out and "MaxPooling2D" in out and "Epoch 1/1" in out
    assert re.search(r"Saved: .*cornu-demo-.*demo\.keras", out)


def test_demo_of_clothes_falls_back_with_one_line(offline):
    pytest.importorskip("sklearn")
    data = demo.find_data(fashion=True)
    assert data.name == "scikit-learn's small digits"
    assert data.x_train.max() == 1 and data.x_train.dtype == np.float32
    assert data.x_train.shape == (1437, 8, 8) and data.x_test.shape == (360, 8, 8)


def test_demo_without_any_data_says_what_to_do(offline, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert cli.main(["demo"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("cornu demo: There are no images to learn from.")
    assert "pip install 'cornu[demo]'" in err and "CORNU_DATA" in err
    assert "Traceback" not in err


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    asked, enough = threading.Event(), threading.Event()

    def silence(request, timeout):
        asked.set()
        enough.wait(60)
        raise OSError("no route")

    monkeypatch.setattr(demo.urllib.request, "urlopen", silence)
    assert demo._answers("https://example.invalid/", patience=0.05) is False
    assert asked.is_set() and not enough.is_set()  # it came back while the question was open
    enough.set()


def test_files_at_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))
    assert demo.files_at_hand(["a.gz", "b.gz"], "set") is None
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.gz").touch()
    assert demo.files_at_hand(["a.gz", "b.gz"], "set") is None
    (tmp_path / "set" / "b.gz").touch()
    assert demo.files_at_hand(["a.gz", "b.gz"], "set") == [
        tmp_path / "set" / "a.gz", tmp_path / "set" / "b.gz",
    ]  # fmt: skip


def test_a_model_that_loads_differently_is_an_error(tmp_path):
    model = models.Sequential([layers.Dense(2, input_shape=(3,))])
    x = np.ones((4, 3), "float32")
    wrong = model.predict(x, verbose=0) + 1
    with pytest.raises(RuntimeError, match="something else than the one that was saved"):
        demo.save_and_load(model, x, wrong, tmp_path / "m.keras")


# ---- run --------------------------------------------------------------------------------------


def test_run_answers_keras_and_tensorflow(tmp_path):
    (tmp_path / "beside.py").write_text("WORD = 'beside'\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "import beside, keras, tensorflow as tf\n"
        "from tensorflow.keras.layers import Dense\n"
        "model = tf.keras.Sequential([keras.Input(shape=(4,)), Dense(3)])\n"
        "print(__name__, sys.argv[1:], beside.WORD, model.count_params())\n"
        "sys.exit(7)\n"
    )
    done = command("run", str(script), "--epochs", "2", "-h")
    assert done.stdout == "__main__ ['--epochs', '2', '-h'] beside 15\n"
    assert done.returncode == 7


def test_the_traceback_of_a_script_begins_in_the_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("def f():\n    return 1 / 0\n\nf()\n")
    done = command("run", str(script))
    assert done.returncode == 1
    assert "cli.py" not in done.stderr and "runpy" not in done.stderr
    assert "line 4, in <module>" in done.stderr and "ZeroDivisionError" in done.stderr


def test_a_script_that_is_not_there(capsys):
    assert cli.main(["run", "nowhere.py"]) == 1
    assert capsys.readouterr().err == "cornu run: There is no script 'nowhere.py'.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_is_one_line_and_130(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "cornu.cli", "run", str(script)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "\nInterrupted.\n"


# ---- summary and doctor -----------------------------------------------------------------------


def test_summary_of_a_file(tmp_path, capsys):
    model = models.Sequential([layers.Dense(512, input_shape=(784,)), layers.Dense(10)])
    model.save(tmp_path / "m.keras")
    assert cli.main(["summary", str(tmp_path / "m.keras")]) == 0
    out = capsys.readouterr().out
    assert "401,920" in out and "5,130" in out and "407,050" in out
    assert re.search(r"m\.keras: \d\.\d MB\n$", out)


def test_summary_of_something_else(tmp_path, capsys):
    (tmp_path / "m.keras").write_text("not a model")
    assert cli.main(["summary", str(tmp_path / "m.keras")]) == 1
    assert cli.main(["summary", str(tmp_path / "none.keras")]) == 1
    err = capsys.readouterr().err
    assert err.count("cornu summary: ") == 2 and "Traceback" not in err


def test_doctor(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "imdb.npz").write_text("")
    (tmp_path / "cifar-10-batches-py").mkdir()
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    for title in ("Versions", "Devices", "Engine", "Settings", "Folders", "Data sets", "Findings"):
        assert f"\n{title}\n" in out
    assert re.search(rf"CORNU_DATA +{tmp_path}\n", out)
    assert re.search(r"jax +\d+\.\d+", out) and "compiles and runs in" in out
    assert f"{tmp_path / 'home'}  (not there)" in out
    assert re.search(rf"IMDB +{tmp_path}/imdb.npz\n", out)
    assert re.search(rf"CIFAR-10 +{tmp_path}/cifar-10-batches-py\n", out)
    assert re.search(r"Reuters +not here; downloaded when first asked for", out)


def test_build_kernels_without_a_compiler(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CORNU_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert cli.main(["build-kernels"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("cornu build-kernels: The compiler CXX=no-such-compiler is not found.")
    assert "Traceback" not in said and not list(tmp_path.iterdir())


def test_an_unknown_command_is_2(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["trian"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        cli.main(["demo", "--epochs", "0"])
    assert "must be an integer >= 1" in capsys.readouterr().err


def test_help_does_not_load_the_engine():
    program = "import sys, cornu.cli; print('jax' in sys.modules, 'h5py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False False\n", done.stderr


def test_a_reader_who_has_seen_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-u", "-m", "cornu.cli", "doctor"],
        stdout=write, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(write)
    assert done.stderr == "" and done.returncode == 1


# ---- inspect ----------------------------------------------------------------------------------


@pytest.fixture
def model_file(tmp_path):
    model = models.Sequential([layers.Input((4,)), layers.Dense(3, name="h1")], name="small")
    model.save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


def test_inspect_shows_what_is_inside(model_file, capsys):
    assert cli.main(["inspect", str(model_file)]) == 0
    out = capsys.readouterr().out
    assert "Sequential 'small'" in out and "│ h1 " in out and "Nothing suspicious." in out
    assert "layers/dense/0" not in out and "\x1b" not in out
    assert cli.main(["inspect", "--arrays", str(model_file)]) == 0
    assert "layers/dense/0" in capsys.readouterr().out


def test_inspect_as_json(model_file, capsys):
    assert cli.main(["inspect", "--json", str(model_file)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == 15 and found["findings"] == []
    assert found["layers"][1] == {
        "name": "h1", "kind": "Dense", "depth": 0, "inputs": "(None, 4)", "parameters": 15,
    }  # fmt: skip


def test_inspect_ends_with_1_for_what_loading_refuses(tmp_path, capsys):
    path = tmp_path / "m.keras"
    path.write_bytes(b"PK\x05\x06" + bytes(18))  # an archive of nothing
    assert cli.main(["inspect", str(path)]) == 0
    assert "no config.json" in capsys.readouterr().out
    (tmp_path / "m.weights.json").write_text('{"weight_map": {"/vars": ["../../etc/passwd"]}}')
    assert cli.main(["inspect", str(tmp_path / "m.weights.json")]) == 1
    out = capsys.readouterr().out
    assert "danger   The file names a file that is not a shard (name: ../../etc/passwd)." in out
    assert "Loading refuses this file." in out


def test_inspect_of_nothing(capsys):
    assert cli.main(["inspect", "no.keras"]) == 1
    assert "There is no file 'no.keras'" in capsys.readouterr().err


# ---- describe ---------------------------------------------------------------------------------


def test_describe_a_table(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("age,sick\n1,0\n2,1\n3,1\n")
    assert cli.main(["describe", str(path), "--label", "sick"]) == 0
    out = capsys.readouterr().out
    assert "2: 0 1, 1 2" in out and "Nothing looks like a mistake." in out
    path.write_text("age,sick\n1,0\n,1\n3,1\n")
    assert cli.main(["describe", str(path), "--json", "--seconds", "5"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["findings"][0]["what"] == "Column age has 1 NaN."
    assert cli.main(["describe", str(tmp_path / "none")]) == 1
    assert "cornu describe: There is no file or folder" in capsys.readouterr().err
