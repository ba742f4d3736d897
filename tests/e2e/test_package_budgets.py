"""What is deployed stays small: the layer and the functions, as `sam build` leaves them."""

from pathlib import Path

import pytest

from local.deploy import BUILD, build
from tests.e2e.guarded import alone

LAYER_BYTES = 15_000_000
FUNCTION_BYTES = 50_000


@pytest.fixture(scope="module")
def built() -> None:
    with alone():
        build()


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("built")
def test_the_layer_is_under_15_megabytes() -> None:
    assert 0 < size(BUILD / "StackwardenLayer") < LAYER_BYTES


@pytest.mark.usefixtures("built")
def test_the_layer_leaves_to_the_runtime_what_the_runtime_brings() -> None:
    packages = {path.name for path in (BUILD / "StackwardenLayer" / "python").iterdir()}
    assert "stackwarden" in packages
    assert not packages & {"boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil"}


@pytest.mark.usefixtures("built")
def test_each_function_is_under_50_kilobytes() -> None:
    functions = [folder for folder in BUILD.iterdir() if folder.name.endswith("Function")]
    assert functions
    assert all(0 < size(folder) < FUNCTION_BYTES for folder in functions)
