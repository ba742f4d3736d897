"""The names that AWS has for a refusal."""

import pytest

from stackwarden import aws
from tests.fakes import client_error


@pytest.mark.parametrize(
    "name",
    [
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "KMSAccessDeniedException",
        "KmsAccessDeniedException",
        "UnauthorizedOperation",
    ],
)
def test_a_call_that_is_not_allowed_is_access_denied_by_whatever_name(name: str) -> None:
    assert aws.is_access_denied(client_error(name, "ListSubscriptionsByTopic"))


@pytest.mark.parametrize("name", ["ThrottlingException", "NoSuchBucket", "NotFound", "ExpiredToken"])
def test_any_other_error_is_not(name: str) -> None:
    assert not aws.is_access_denied(client_error(name, "ListSubscriptionsByTopic"))
