"""Makes messages as Standard Webhooks (standardwebhooks.com) specifies: secrets, signatures, headers, bodies."""

import base64
import hmac
import secrets
from datetime import datetime
from typing import Any, Final

import msgspec

from eventorg.plugin import Fact

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def make_secret() -> str:
    """Returns a new secret: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def make_body(fact: Fact, event: dict[str, Any] | None) -> str:
    """Returns the body for a change. `event` is the event's state when the message is made."""
    data: dict[str, Any] = {"seq": fact.seq, "event_id": fact.event_id, "user_id": fact.user_id, "data": fact.data}
    if event is not None:
        data["event"] = event
    return msgspec.json.encode({"type": fact.type, "timestamp": fact.at, "data": data}).decode()


def make_headers(delivery_id: str, body: str, secret: str, now: datetime) -> dict[str, str]:
    """Returns the headers of one attempt. Only `webhook-id` is the same in every attempt."""
    message_id = f"msg_{delivery_id}"
    timestamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signature = hmac.digest(key, f"{message_id}.{timestamp}.{body}".encode(), "sha256")
    return {
        "content-type": "application/json",
        "user-agent": "eventorg-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
