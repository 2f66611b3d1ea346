import numpy as np
import pytest

import cornu as keras
from callbacks.small import data, fit, regression
from cornu.callbacks import LambdaCallback, SwapEMAWeights


def averaging():
    return regression(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))


def first(model):
    return model.get_weights()[0]


def average(model):
    return model.optimizer._model_variables_moving_average[0].numpy()


def test_evaluation_sees_the_averages_and_training_does_not():
    model, seen = averaging(), {}

    def note(moment):
        def hook(*args):
            seen[moment] = (first(model), average(model))

        return hook

    watch = LambdaCallback(
        on_test_begin=note("test"), on_test_end=note("tested"), on_epoch_end=note("epoch")
    )
    fit(model, SwapEMAWeights(), watch, epochs=1, validation_data=data())
    weights, averages = seen["test"]
    np.testing.assert_array_equal(weights, averages)
    for moment in ("tested", "epoch"):
        weights, averages = seen[moment]
        assert not np.array_equal(weights, averages)


def test_what_follows_in_the_list_sees_the_averages_at_the_end_of_an_epoch():
    model, same = averaging(), []
    watch = LambdaCallback(
        on_epoch_end=lambda e, logs: same.append(np.array_equal(first(model), average(model))),
        on_train_batch_end=lambda b, logs: same.append(
            np.array_equal(first(model), average(model))
        ),
    )
    fit(model, SwapEMAWeights(swap_on_epoch=True), watch, epochs=2, batch_size=20)
    # The average of one step is the weights of that step.
    assert same == [True, False, True, False, False, True]
    np.testing.assert_array_equal(first(model), average(model))


def test_swapping_does_not_change_training():
    plain, swapping = averaging(), averaging()
    expected = fit(plain).history
    assert fit(swapping, SwapEMAWeights(swap_on_epoch=True)).history == expected
    np.testing.assert_array_equal(first(plain), first(swapping))


def test_an_evaluation_that_fails_gives_the_weights_back():
    model = averaging()
    fit(model, epochs=1)
    model.optimizer._model_variables_moving_average[0].assign(np.zeros_like(average(model)))
    before = first(model)

    def fail(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.evaluate(
            *data(), verbose=0, callbacks=[SwapEMAWeights(), LambdaCallback(on_test_batch_end=fail)]
        )
    np.testing.assert_array_equal(first(model), before)


def test_the_next_beginning_gives_the_weights_back_too():
    model = averaging()
    fit(model, epochs=1)
    model.optimizer._model_variables_moving_average[0].assign(np.zeros_like(average(model)))
    before, swap = first(model), SwapEMAWeights()
    swap.set_model(model)
    swap.on_test_begin()
    assert swap._swapped
    swap.on_test_begin()  # after an evaluation that never ended
    swap.on_test_end()
    np.testing.assert_array_equal(first(model), before)


def test_predictions_come_from_the_averages():
    model = averaging()
    fit(model, epochs=1)
    for weight in model.optimizer._model_variables_moving_average:
        weight.assign(np.zeros(weight.shape))
    x, _ = data()
    assert not model.predict(x, verbose=0, callbacks=[SwapEMAWeights()]).any()
    assert model.predict(x, verbose=0).any()


def test_without_averages_the_optimizer_is_named():
    with pytest.raises(ValueError, match="needs an optimizer with use_ema"):
        fit(regression(), SwapEMAWeights(swap_on_epoch=True))


def test_only_weights_with_an_average_are_swapped():
    averaging, plain = keras.optimizers.SGD(0.1, use_ema=True), keras.optimizers.SGD(0.1)
    weights = [keras.Variable([1.0]), keras.Variable([2.0])]
    optimizer = keras.optimizers.MultiOptimizer(lambda v: averaging if v is weights[1] else plain)
    optimizer.build(weights)
    averaging._model_variables_moving_average[0].assign([7.0])
    swap = SwapEMAWeights()
    swap.set_model(type("Model", (), {"optimizer": optimizer, "trainable_variables": weights})())
    swap.on_test_begin()
    assert [float(w.value[0]) for w in weights] == [1.0, 7.0]
    swap.on_test_end()
    assert [float(w.value[0]) for w in weights] == [1.0, 2.0]
