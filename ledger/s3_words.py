"""What an S3 store's error codes mean to us: what may pass by itself, and what a person has to mend, with advice."""

from typing import Final

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
