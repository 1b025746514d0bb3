"""A small async client of tomgql, which knows nothing of the server's code.

`async with Client(url, token=...) as tom:`, then its methods; what they raise is a ClientError.
"""

from tomgql.client.client import Client
from tomgql.client.errors import (
    AnswerTooLarge,
    ClientError,
    CursorExpired,
    DamagedDownload,
    InvalidCall,
    JobFailed,
    NotSignedIn,
    PayloadErrors,
    Refused,
    ServerError,
    Unreachable,
)

__all__ = [
    "AnswerTooLarge",
    "Client",
    "ClientError",
    "CursorExpired",
    "DamagedDownload",
    "InvalidCall",
    "JobFailed",
    "NotSignedIn",
    "PayloadErrors",
    "Refused",
    "ServerError",
    "Unreachable",
]
