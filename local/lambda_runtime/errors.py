"""Errors of Lambda that moto has no class for. https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html"""

from http import HTTPStatus

from moto.awslambda.exceptions import LambdaClientError


class ResourceConflict(LambdaClientError):
    """It exists already, or something refers to it."""

    code = HTTPStatus.CONFLICT

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


class ResourceInUse(LambdaClientError):
    """It is being changed."""

    code = HTTPStatus.BAD_REQUEST

    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUseException", message)


class CodeStorageExceeded(LambdaClientError):
    """All versions of all functions together have more code than the account may keep in the Region."""

    code = HTTPStatus.BAD_REQUEST

    def __init__(self) -> None:
        super().__init__("CodeStorageExceededException", "Code storage limit exceeded.")
