"""The object store on S3 and what speaks its language (AWS, SeaweedFS, R2, ...): the one door for boto3.

Look-alikes differ: whether one honours If-None-Match is tried before it is relied on, and checksums that only AWS
knows are not sent (every request body is signed by its SHA-256 all the same).
"""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnectionError

from jobs.errors import ObjectNotFound, StoreRefused, StoreUnavailable
from ledger.objects import ABANDONED_AFTER_S, Notes, S3Options, check_key, is_hidden
from ledger.s3_words import ABSENT, CONDITION_UNKNOWN, plain, refusal

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Bytes. Larger files go up in parts of this size, one after the other: a file never stands in memory.
PART_BYTES: Final = 8 * 1024 * 1024
_IN_PARTS: Final = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False)
#: A conditional write that crossed another one (409) is tried this often.
CROSSED_TRIES: Final = 5
#: Seconds before the second of those tries; the pause grows by as much each time.
CROSSED_PAUSE_S: Final = 0.05
#: Connections kept open: more than the threads of one worker.
CONNECTIONS: Final = 64
#: Written once a store, to learn whether If-None-Match is honoured.
PROBE_KEY: Final = ".probe/if-none-match"
#: One session for all stores, since reading what S3 is takes longer than using it; it makes one client at a time.
_session: Final = lru_cache(maxsize=1)(Session)
_MAKING: Final = threading.Lock()


class S3Store:
    """The `s3://bucket/prefix` store; `place` is what follows `s3://`. One instance serves a whole process."""

    def __init__(self, place: str, options: S3Options) -> None:
        self._bucket, _, prefix = place.partition("/")
        prefix = prefix.strip("/")
        if not self._bucket:
            raise StoreRefused(f"store 's3://{place}' names no bucket", hint="write s3://bucket/prefix")
        self._prefix = check_key(prefix) + "/" if prefix else ""
        self._client = _client(options)
        self._lock = threading.Lock()
        self._honours_if_absent: bool | None = None
        self._bucket_seen = False

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def uri(self, key: str) -> str:
        """Return `s3://bucket/prefix/key`."""
        return f"s3://{self._bucket}/{self._full(key)}"

    def put(self, key: str, data: bytes, *, content_type: str = "application/json", if_absent: bool = False) -> bool:
        """Put the bytes; `if_absent` is If-None-Match where the store honours it, else a look before the write."""
        full = self._full(key)
        if not if_absent:
            with self._explained("write", key):
                self._client.put_object(Bucket=self._bucket, Key=full, Body=data, ContentType=content_type)
            return True
        if not self._conditional():
            return not self.exists(key) and self.put(key, data, content_type=content_type)
        with self._explained("write", key):
            return self._put_if_absent(full, data, content_type)

    def put_file(self, key: str, path: Path, *, content_type: str, sha256: str, notes: Notes | None = None) -> None:
        """Stream the file up, in parts above 8 MiB; a part that fails for good takes the whole upload with it."""
        full, metadata = self._full(key), {"sha256": sha256}
        with self._explained("write", key):
            if path.stat().st_size < PART_BYTES:
                with path.open("rb") as file:
                    self._client.put_object(
                        Bucket=self._bucket, Key=full, Body=file, ContentType=content_type, Metadata=metadata
                    )
            else:
                extra = {"ContentType": content_type, "Metadata": metadata}
                with create_transfer_manager(self._client, _IN_PARTS) as manager:
                    manager.upload(str(path), self._bucket, full, extra_args=extra).result()
        for note, data in (notes or {}).items():
            self.put(note, data)

    def landing(self, key: str) -> None:
        """Return None: the store is elsewhere."""

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        with self._explained("read", key):
            return self._client.get_object(Bucket=self._bucket, Key=self._full(key))["Body"].read()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of the object, with one ranged GET."""
        if length <= 0:
            return b""
        span = f"bytes={start}-{start + length - 1}"
        with self._explained("read", key):
            try:
                return self._client.get_object(Bucket=self._bucket, Key=self._full(key), Range=span)["Body"].read()
            except ClientError as error:
                if _status(error) == 416:  # noqa: PLR2004 - Range Not Satisfiable: the object ends before `start`
                    return b""
                raise

    def exists(self, key: str) -> bool:
        """Ask with HEAD."""
        try:
            self.size(key)
        except ObjectNotFound:
            return False
        return True

    def size(self, key: str) -> int:
        """Return the object's size in bytes, from HEAD."""
        with self._explained("read", key):
            try:
                return self._client.head_object(Bucket=self._bucket, Key=self._full(key))["ContentLength"]
            except ClientError as error:
                if _code(error) in ABSENT:
                    self._require_bucket()
                raise

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that start with the prefix, a page of 1,000 a request."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._explained("list", prefix):
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                for entry in page.get("Contents", ()):
                    key = entry["Key"].removeprefix(self._prefix)
                    if not is_hidden(key) and not key.endswith("/"):  # consoles make "folders" that end in a slash
                        yield key

    def shelves(self, prefix: str = "") -> Iterator[str]:
        """Yield the names of the folders inside a folder, with the store's own delimiter listing."""
        folder = check_key(prefix.strip("/")) + "/" if prefix.strip("/") else ""
        full = self._prefix + folder
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=full, Delimiter="/")
        with self._explained("list", prefix):
            for page in pages:
                for entry in page.get("CommonPrefixes", ()):
                    name = entry["Prefix"].removeprefix(full).rstrip("/")
                    if folder or not is_hidden(name):
                        yield name

    def delete(self, key: str) -> None:
        """Delete the object."""
        with self._explained("delete", key):
            self._client.delete_object(Bucket=self._bucket, Key=self._full(key))

    def presign(self, key: str, expires_s: int) -> str:
        """Sign a GET of the object, without asking the store; anyone with the link may read it for `expires_s`."""
        with self._explained("sign a link to", key):
            return self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": self._full(key)}, ExpiresIn=expires_s
            )

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - no key of this store is on a local disk
        """Return None: the object is elsewhere."""
        return None

    def sweep(self) -> None:
        """Abort uploads in parts that never ended; of a bucket that others use too, only those of our own keys."""
        old = time.time() - ABANDONED_AFTER_S
        mine = re.compile(rf"{re.escape(self._prefix)}(simulated/)?(jobs|campaigns|media)/")
        with self._explained("sweep uploads below", self._prefix):
            pager = self._client.get_paginator("list_multipart_uploads")
            pages = pager.paginate(Bucket=self._bucket, Prefix=self._prefix)
            begun = [each for page in pages for each in page.get("Uploads", ()) if each["Initiated"].timestamp() < old]
            for each in begun:
                if mine.match(each["Key"]):
                    self._client.abort_multipart_upload(Bucket=self._bucket, Key=each["Key"], UploadId=each["UploadId"])

    def probe_if_absent(self) -> bool:
        """Write the probe's key with If-None-Match twice: a store that honours it refuses by the second time.

        The key stays, so a later probe needs one request and no right to delete.
        """
        full = self._prefix + PROBE_KEY
        with self._explained("probe", PROBE_KEY):
            try:
                for _ in range(2):
                    self._client.put_object(Bucket=self._bucket, Key=full, Body=b"{}", IfNoneMatch="*")
            except ClientError as error:
                if _status(error) in {409, 412}:
                    return True
                if _code(error) in CONDITION_UNKNOWN:
                    return False
                raise
        return False

    def _conditional(self) -> bool:
        """Tell whether If-None-Match may be relied on; the store is asked once a process."""
        with self._lock:
            if self._honours_if_absent is None:
                self._honours_if_absent = self.probe_if_absent()
            return self._honours_if_absent

    def _put_if_absent(self, full: str, data: bytes, content_type: str) -> bool:
        """Put with If-None-Match: 412 means taken; 409 means that two writes crossed, and neither may have won."""
        for tries in range(1, CROSSED_TRIES + 1):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=full, Body=data, ContentType=content_type, IfNoneMatch="*"
                )
            except ClientError as error:
                if _status(error) == 412:  # noqa: PLR2004 - Precondition Failed
                    return False
                if _status(error) != 409 or tries == CROSSED_TRIES:  # noqa: PLR2004 - Conflict
                    raise
                time.sleep(CROSSED_PAUSE_S * tries)
            else:
                break
        return True

    def _require_bucket(self) -> None:
        """Raise when the bucket is missing: HEAD answers 404 for that too, and "no such object" would be believed."""
        if not self._bucket_seen:
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if _code(error) in ABSENT:
                    error.response["Error"]["Code"] = "NoSuchBucket"
                raise
            self._bucket_seen = True

    def _full(self, key: str) -> str:
        return self._prefix + check_key(key)

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        """Turn botocore's errors into the store's, with what to do and without secrets."""
        what = f"could not {verb} {key!r} in {self.url}"
        try:
            yield
        except ClientError as error:
            if _code(error) in ABSENT:
                raise ObjectNotFound(f"{self.url} has no object {key!r}") from error
            message = error.response.get("Error", {}).get("Message", "")
            raise refusal(_code(error), _status(error), message, what) from error
        except (NoConnectionError, HTTPClientError, IncompleteReadError) as error:
            raise StoreUnavailable(
                f"{what}: {plain(error)}", hint="check the endpoint and the network; the same command tries again"
            ) from error
        except BotoCoreError as error:
            raise StoreRefused(
                f"{what}: {plain(error)}", hint="check the store's URL, and AWS_ACCESS_KEY_ID and its kin"
            ) from error
        except OSError as error:
            raise StoreRefused(f"{what}: {error}", hint="the local file cannot be read") from error


def _client(options: S3Options) -> "S3Client":
    """Make a store's client. Raises StoreRefused where the settings allow none."""
    try:
        with _MAKING:
            client = _session().client(
                "s3", endpoint_url=options.endpoint_url, region_name=options.region,
                aws_access_key_id=options.access_key, aws_secret_access_key=options.secret_key,
                config=Config(
                    connect_timeout=options.connect_timeout_s, read_timeout=options.read_timeout_s,
                    retries={"mode": "standard", "total_max_attempts": options.max_attempts},
                    max_pool_connections=CONNECTIONS,
                    signature_version="s3v4",  # links too: new buckets refuse the older signature
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )  # fmt: skip
            client.meta.events.register_last("before-call.s3.PutObject", _at_once)
            return client
    except (BotoCoreError, ValueError) as error:
        raise StoreRefused(
            f"no S3 client can be made: {plain(error)}", hint="check the endpoint, the region and the AWS profile"
        ) from error


def _at_once(params: dict[str, Any], **_: object) -> None:
    """A small object goes out together with its head; asking first whether it may is a trip of its own."""
    if isinstance(params["body"], bytes):
        params["headers"].pop("Expect", None)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
