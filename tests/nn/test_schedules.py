"""The decay schedules: laws of all, and each beside PyTorch's or the course's own numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from caviar.nn import config
from caviar.nn.schedules import SCHEDULES, learning_rate

NAMES = st.sampled_from(config.SCHEDULES)
RATES = st.floats(0, 0.999)
BASES = st.floats(1e-6, 1e30)


def test_every_schedule_that_a_config_may_name_exists():
    assert tuple(SCHEDULES) == config.SCHEDULES


@given(NAMES, RATES, BASES, st.integers(0, 10_000))
def test_the_learning_rate_never_grows_and_is_never_negative(name, rate, base, epoch):
    assert 0 <= learning_rate(name, rate, base, epoch + 1) <= learning_rate(name, rate, base, epoch) <= base


@given(NAMES, RATES, BASES)
def test_the_first_epoch_trains_at_the_base_rate(name, rate, base):
    assert learning_rate(name, rate, base, 0) == base


@given(NAMES, BASES, st.integers(0, 1000))
def test_a_decay_rate_of_zero_is_no_decay(name, base, epoch):
    assert learning_rate(name, 0.0, base, epoch) == base


def test_inverse_is_the_course_example():
    rates = [learning_rate("inverse", 1.0, 0.2, epoch) for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx([0.1, 0.0667, 0.05, 0.04], abs=1e-4)


def test_inverse_sqrt_goes_as_one_over_the_root_of_the_epoch():
    assert learning_rate("inverse_sqrt", 1.0, 1.0, 99) == pytest.approx(0.1)


@pytest.mark.parametrize("every", [1, 3, 10, 49])
def test_exponential_and_staircase_match_pytorch(every):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimisers = [torch.optim.SGD([parameter], lr=0.3) for _ in range(2)]
    exponential = torch.optim.lr_scheduler.ExponentialLR(optimisers[0], gamma=0.95)
    staircase = torch.optim.lr_scheduler.StepLR(optimisers[1], step_size=every, gamma=0.5)
    for epoch in range(100):
        assert learning_rate("exponential", 0.05, 0.3, epoch) == pytest.approx(exponential.get_last_lr()[0])
        assert learning_rate("staircase", 1 / every, 0.3, epoch) == pytest.approx(staircase.get_last_lr()[0])
        for optimiser, schedule in zip(optimisers, (exponential, staircase), strict=True):
            optimiser.step()
            schedule.step()
