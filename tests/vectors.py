"""Signed calls that other implementations made: headers and body, and the keys that prove them."""

import base64

from providers.webhooks import Keys, Proof, Published, Shared

Case = tuple[Proof, dict[str, str], bytes, Keys]

#: The example of the Standard Webhooks specification's first implementation, as its documents print it.
STANDARD: Case = (
    Shared("webhook-", standard=True),
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    b'{"test": 2432232314}',
    [base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
)
#: Made with the command line of OpenSSL: openssl dgst -sha256 -hmac.
TOAPIS: Case = (
    Shared("x-toapis-webhook-"),
    {
        "x-toapis-webhook-id": "evt_01",
        "x-toapis-webhook-timestamp": "1795262400",
        "x-toapis-webhook-signature": "v1=e89a88e74020b029f8ff545309c2430369245ba65b838385c45ae674463296ed",
    },
    b'{"id":"evt_01","data":{"task_id":"video_7"}}',
    [b"a-32-byte-secret-of-the-console!"],
)
#: Made with libsodium, by the first key pair of RFC 8032.
FAL: Case = (
    Published("x-fal-webhook-", "keys", "/.well-known/jwks.json"),
    {
        "x-fal-webhook-request-id": "80e732af-660e-45cd-bd63-580e4f2a94cc",
        "x-fal-webhook-user-id": "user-1",
        "x-fal-webhook-timestamp": "1795262400",
        "x-fal-webhook-signature": "7efe35c4b6316a6cee29e349c8c1b3b22737794b9a6810b4f4ec55f1fc3ed9b9"
        "2fe1ad5bbc7055ac9cc282078014f175280c83885aaa525c65dc3102aca40c09",
    },
    b'{"request_id":"80e732af-660e-45cd-bd63-580e4f2a94cc","status":"OK"}',
    [bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")],
)
