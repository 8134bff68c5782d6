"""The decay schedules and the warm-up: laws of all, and each beside PyTorch's or the course's own numbers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.nn import architecture
from caviar.nn.architecture import Optimisation
from caviar.nn.schedules import SCHEDULES, step_rates

NAMES = st.sampled_from(architecture.SCHEDULES)
FALLING = st.sampled_from([name for name in architecture.SCHEDULES if name != "coslog4"])  # which has waves
RATES = st.floats(0, 0.999)
BASES = st.floats(1e-6, 1e30)


def rate_of(name, rate, base, epoch):
    """The learning rate of a whole epoch."""
    return step_rates(Optimisation(learning_rate=base, decay=name, decay_rate=rate), epoch, 1)[0]


def test_every_schedule_that_a_config_may_name_exists():
    assert tuple(SCHEDULES) == architecture.SCHEDULES


@given(FALLING, RATES, BASES, st.integers(0, 10_000))
def test_the_learning_rate_never_grows_and_is_never_negative(name, rate, base, epoch):
    assert 0 <= rate_of(name, rate, base, epoch + 1) <= rate_of(name, rate, base, epoch) <= base


@given(FALLING, RATES, BASES)
def test_the_first_epoch_trains_at_the_base_rate(name, rate, base):
    assert rate_of(name, rate, base, 0) == base


@given(NAMES, BASES, st.integers(0, 1000), st.sampled_from(architecture.DECAYS_BY))
def test_a_decay_rate_of_zero_is_no_decay(name, base, epoch, by):
    optimisation = Optimisation(learning_rate=base, decay=name, decay_by=by)
    np.testing.assert_array_equal(step_rates(optimisation, epoch, 7), np.full(7, base))


def test_inverse_is_the_course_example():
    rates = [rate_of("inverse", 1.0, 0.2, epoch) for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx([0.1, 0.0667, 0.05, 0.04], abs=1e-4)


def test_inverse_sqrt_goes_as_one_over_the_root_of_the_epoch():
    assert rate_of("inverse_sqrt", 1.0, 1.0, 99) == pytest.approx(0.1)


@pytest.mark.parametrize("every", [1, 3, 10, 49])
def test_exponential_staircase_and_cosine_match_pytorch(every):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimisers = [torch.optim.SGD([parameter], lr=0.3) for _ in range(3)]
    rivals = [
        ("exponential", 0.05, torch.optim.lr_scheduler.ExponentialLR(optimisers[0], gamma=0.95)),
        ("staircase", 1 / every, torch.optim.lr_scheduler.StepLR(optimisers[1], step_size=every, gamma=0.5)),
        ("cosine", 1 / 100, torch.optim.lr_scheduler.CosineAnnealingLR(optimisers[2], T_max=100)),
    ]
    for epoch in range(100):
        for optimiser, (name, rate, rival) in zip(optimisers, rivals, strict=True):
            assert rate_of(name, rate, 0.3, epoch) == pytest.approx(rival.get_last_lr()[0], abs=1e-12)
            optimiser.step()
            rival.step()


def test_flat_cosine_is_pytorch_s_constant_and_then_its_cosine():
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    parts = [
        torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=50),
    ]
    rival = torch.optim.lr_scheduler.SequentialLR(optimiser, parts, milestones=[50])
    for epoch in range(100):
        assert rate_of("flat_cosine", 1 / 100, 0.3, epoch) == pytest.approx(rival.get_last_lr()[0], abs=1e-12)
        optimiser.step()
        rival.step()
    assert rate_of("flat_cosine", 1 / 100, 0.3, 5000) == pytest.approx(0, abs=1e-15)


def test_coslog4_has_four_waves_each_twice_as_long_as_the_one_before():
    optimisation = Optimisation(learning_rate=0.3, decay="coslog4", decay_rate=1 / 15, decay_by="step")
    rates = np.concatenate([step_rates(optimisation, epoch, 1000) for epoch in range(15)])
    ends = [0, *(i for i in range(1, len(rates) - 1) if rates[i] < min(rates[i - 1], rates[i + 1]))]
    assert ends == [0, 1000, 3000, 7000]
    np.testing.assert_allclose(rates[ends], 0, atol=1e-15)
    waves = [rates[a:b] for a, b in zip(ends, [*ends[1:], None], strict=True)]
    assert [wave.max() for wave in waves] == pytest.approx([0.3] * 4, rel=1e-5)
    tops = [wave.argmax() / (wave.size - 1) for wave in waves]
    assert tops == pytest.approx([2**0.5 - 1] * 4, abs=2e-3)  # the middle of a doubling
    np.testing.assert_allclose(step_rates(optimisation, 15, 3), 0, atol=1e-15)


def test_coslog4_by_the_epoch_is_refused_because_its_first_epoch_would_have_a_rate_of_zero():
    with pytest.raises(ConfigError, match="decay_by must be step"):
        Optimisation(decay="coslog4", decay_rate=0.1)


@pytest.mark.parametrize("rate", [0.02, 1 / 49, 1.0])
def test_cosine_is_zero_once_its_half_wave_is_over_and_stays_there(rate):
    over = round(1 / rate)
    assert rate_of("cosine", rate, 0.3, over / 2) == pytest.approx(0.15)
    assert [rate_of("cosine", rate, 0.3, over + more) for more in (0, 1, 1000)] == pytest.approx([0, 0, 0], abs=1e-15)


@given(FALLING, RATES, st.integers(0, 100), st.integers(1, 50))
def test_by_the_epoch_all_steps_of_an_epoch_have_its_rate(name, rate, epoch, steps):
    optimisation = Optimisation(learning_rate=0.3, decay=name, decay_rate=rate)
    np.testing.assert_array_equal(step_rates(optimisation, epoch, steps), [rate_of(name, rate, 0.3, epoch)] * steps)


@given(FALLING, RATES, st.integers(0, 100), st.integers(1, 50))
def test_by_the_step_an_epoch_starts_where_by_the_epoch_it_is_and_goes_down_to_the_next(name, rate, epoch, steps):
    rates = step_rates(Optimisation(learning_rate=0.3, decay=name, decay_rate=rate, decay_by="step"), epoch, steps)
    assert rates.shape == (steps,)
    assert rates[0] == pytest.approx(rate_of(name, rate, 0.3, epoch), rel=1e-12)
    slack = 1e-12  # 1 + cos is rounded where it is almost 0
    assert np.all(np.diff(rates) <= slack)
    assert rates[-1] >= rate_of(name, rate, 0.3, epoch + 1) - slack


def test_by_the_step_inverse_is_the_formula_at_a_broken_epoch():
    optimisation = Optimisation(learning_rate=0.3, decay="inverse", decay_rate=0.5, decay_by="step")
    expected = [0.3 / (1 + 0.5 * (3 + i / 4)) for i in range(4)]
    np.testing.assert_allclose(step_rates(optimisation, 3, 4), expected, rtol=1e-15)


@given(FALLING, st.sampled_from(architecture.DECAYS_BY), st.integers(1, 40), st.integers(1, 9))
def test_warm_up_rises_in_a_line_over_the_first_steps_of_the_whole_training(name, by, warmup_steps, steps):
    def rates(warmup_steps):
        optimisation = Optimisation(
            learning_rate=0.3, decay=name, decay_rate=0.1, decay_by=by, warmup_steps=warmup_steps
        )
        return np.concatenate([step_rates(optimisation, epoch, steps) for epoch in range(12)])

    factor = [min(1.0, (t + 1) / warmup_steps) for t in range(12 * steps)]
    np.testing.assert_allclose(rates(warmup_steps), rates(0) * factor, rtol=1e-15)


def test_warm_up_matches_pytorch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=0.3)
    rival = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: min(1.0, (t + 1) / 10))
    ours = [rate for epoch in range(5) for rate in step_rates(Optimisation("sgd", 0.3, warmup_steps=10), epoch, 4)]
    for rate in ours:
        assert rate == pytest.approx(rival.get_last_lr()[0])
        optimiser.step()
        rival.step()
    assert math.isclose(ours[9], 0.3)
