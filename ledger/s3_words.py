"""What an S3 store's error codes mean to us: what may pass by itself, and what a person has to mend, with advice."""

import re
from typing import Final

from jobs.errors import StoreRefused, StoreUnavailable

#: What to do about a refusal, by its code.
ADVICE: Final = {
    "AccessDenied": "check both halves of the key, and that it may list, get, put and delete in this bucket",
    "AuthorizationHeaderMalformed": "set the bucket's own region",
    "ExpiredToken": "the session's credentials ran out: renew them",
    "InvalidAccessKeyId": "the store does not know this access key: check AWS_ACCESS_KEY_ID and the endpoint",
    "InvalidBucketName": "S3 does not allow this bucket name: check --store",
    "NoSuchBucket": "create the bucket, or mend its name in --store",
    "PermanentRedirect": "set the bucket's own region",
    "QuotaExceeded": "the store is full: free some space",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it",
    "SignatureDoesNotMatch": "the secret does not fit the access key: check AWS_SECRET_ACCESS_KEY",
}
#: There is no such object.
ABSENT: Final = {"404", "NoSuchKey", "NotFound"}
#: The store does not know If-None-Match.
CONDITION_UNKNOWN: Final = {"NotImplemented", "501"}
#: The same request may succeed later.
PASSING_CODES: Final = {"RequestTimeout", "SlowDown", "Throttling", "TooManyRequests", "OperationAborted"}
#: The same, by HTTP status; so may any 5xx.
PASSING_STATUS: Final = {408, 409, 429}


def refusal(code: str, status: int, message: str, what: str) -> StoreRefused | StoreUnavailable:
    """Sort an answer of the store into what may pass and what a person must mend."""
    what = f"{what}: {code} (HTTP {status}): {plain(message)}"
    if code in ADVICE:
        return StoreRefused(what, hint=ADVICE[code])
    if status >= 500 or status in PASSING_STATUS or code in PASSING_CODES:  # noqa: PLR2004 - the server's fault
        return StoreUnavailable(what, hint="the store is in trouble or busy; the same command tries again")
    if status in {401, 403}:
        return StoreRefused(what, hint=ADVICE["AccessDenied"])
    return StoreRefused(what, hint="check the store's URL, endpoint, region and keys")


def plain(text: object) -> str:
    """Cut a foreign message to a line without the user and password that an endpoint URL may hold."""
    return re.sub(r"//[^/@\s]+@", "//", " ".join(str(text).split()))[:300]
