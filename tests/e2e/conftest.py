"""One account with Stackwarden deployed for each module of tests; every test leaves it at rest."""

from collections.abc import Iterator

import pytest

from tests.e2e.guarded import Guarded, deployed


@pytest.fixture(scope="module")
def deployment(request: pytest.FixtureRequest) -> Iterator[Guarded]:
    """Stackwarden as the module says: MODE (enforce), ENVIRONMENT (prod), PARAMETERS of the template (none).

    Least privilege is enough for all that Stackwarden tries; a module in which AWS denies something lists the
    calls in DENIED.
    """
    mode: str = getattr(request.module, "MODE", "enforce")
    environment: str = getattr(request.module, "ENVIRONMENT", "prod")
    parameters: dict[str, str] = getattr(request.module, "PARAMETERS", {})
    denied: set[str] = getattr(request.module, "DENIED", set())
    with deployed(mode=mode, environment=environment, **parameters) as guarded:
        yield guarded
        assert guarded.denied() <= denied


@pytest.fixture
def guarded(deployment: Guarded) -> Iterator[Guarded]:
    """The account at rest, before and after: whatever a test did not ask for was not reported."""
    deployment.account.step_delay = 0.0
    yield deployment
    deployment.account.step_delay = 0.0
    deployment.rest()
