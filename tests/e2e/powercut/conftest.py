"""How many rounds, and which."""

import random


def pytest_addoption(parser):
    group = parser.getgroup("power cuts")
    group.addoption("--rounds", type=int, default=3, help="how often the power goes (default 3)")
    group.addoption("--seed", type=int, default=None, help="repeats the moments of an earlier run")


def pytest_configure(config):
    config.addinivalue_line("markers", "embedded_only(reason): makes sense on SQLite and files alone, for this reason")
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(2**32)


def pytest_report_header(config):
    return f"power cuts: --rounds {config.option.rounds} --seed {config.option.seed}"
