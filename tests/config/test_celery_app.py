"""The Celery app: JSON only, no results, and no ledger that is trusted without its certificate."""

import ssl
from typing import Any

from config.celery_app import make_app


def test_only_json_is_accepted() -> None:
    """Nothing that could run code is unpickled, and nothing is kept in a result backend."""
    conf: Any = make_app("redis://127.0.0.1:1/0").conf
    assert (conf.accept_content, conf.task_serializer, conf.task_ignore_result) == (["json"], "json", True)
    assert conf.result_backend is None
    assert conf.broker_use_ssl is False


def test_a_ledger_behind_tls_must_show_its_certificate() -> None:
    """Celery's own default would take any; what the URL says of the authority comes on top."""
    app = make_app("rediss://:password@ledger.example:6380/0")
    assert app.connection().ssl == {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    app = make_app("rediss://ledger.example/0?ssl_ca_certs=/etc/ca.pem&ssl_cert_reqs=required")
    told: Any = app.connection().ssl
    assert told == {"ssl_ca_certs": "/etc/ca.pem", "ssl_cert_reqs": ssl.CERT_REQUIRED}
