"""Init data that other projects publish gets the same verdicts here, at the time for which it was made."""

from urllib.parse import parse_qsl

import pytest

from eventorg.testing import check_problem
from tests.telegram import MiniApps, log_in

VLADISLAV = (
    "user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%20%2B%20-%20%3F%20%5C%2F%22%2C%22last_name%22%3A"
    "%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium%22%3Atrue%2C"
    "%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22https%3A%5C%2F%5C%2Ft.me%5C%2Fi%5C%2Fuserpic%5C%2F320"
    "%5C%2F4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4PnSA.svg%22%7D&chat_instance=8134722200314281151&chat_type=private"
)

# github.com/Telegram-Mini-Apps/init-data-golang, validate_test.go
GOLANG_TOKEN = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
GOLANG = (
    "query_id=AAHdF6IQAAAAAN0XohDhrOrc&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%22%2C"
    "%22last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C"
    "%22is_premium%22%3Atrue%7D&auth_date=1662771648"
    "&hash=c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2"
)
# github.com/Telegram-Mini-Apps/init-data-golang, README.md; Telegram's production key signed it too
SIGNED_TOKEN = "7342037359:AAHI25ES9xCOMPokpYoz-p8XVrZUdygo2J4"
SIGNED = (
    f"{VLADISLAV}&auth_date=1733509682"
    "&signature=TYJxVcisqbWjtodPepiJ6ghziUL94-KNpG8Pau-X7oNNLNBM72APCpi_RKiUlBvcqo5L-LAxIc3dnTzcZX_PDg"
    "&hash=a433d8f9847bd6addcc563bff7cc82c89e97ea0d90c11fe5729cae6796a36d73"
)
# github.com/Telegram-Mini-Apps/tma.js, packages/init-data-node/src/entries/node.test.ts; by the bot's id alone also in
# init-data-golang, validate_third_party_test.go
NODE_TOKEN = "7342037359:AAFZehRPBRs8Seg40oDjTMIW8uTGPuW1zfQ"
NODE = (
    f"{VLADISLAV}&auth_date=1733584787"
    "&signature=zL-ucjNyREiHDE8aihFwpfR9aggP2xiAo3NSpfe-p7IbCisNlDKlo7Kb6G4D0Ao2mBrSgEk4maLSdv6MLIlADQ"
    "&hash=2174df5b000556d044f3f020384e879c8efcab55ddea2ced4eb752e93e7080d6"
)
# github.com/aiogram/aiogram, tests/test_utils/test_web_app.py
AIOGRAM_TOKEN = "42:TEST"
AIOGRAM = (
    "auth_date=1650385342&user=%7B%22id%22%3A42%2C%22first_name%22%3A%22Test%22%7D&query_id=test"
    "&hash=46d2ea5e32911ec8d30999b56247654460c0d20949b6277af519e76271182803"
)
# github.com/swimmwatch/telegram-webapp-auth, tests/test_validate_third_party.py
WEBAPP_AUTH_ID = "7544535829"
WEBAPP_AUTH = (
    "query_id=AAH1t3EVAAAAAPW3cRVyuBgH&user=%7B%22id%22%3A359774197%2C%22first_name%22%3A%22Dmitry%22%2C%22last_name"
    "%22%3A%22Vasiliev%22%2C%22language_code%22%3A%22en%22%2C%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A"
    "%22https%3A%5C%2F%5C%2Ft.me%5C%2Fi%5C%2Fuserpic%5C%2F320%5C%2FaUkVEo2bVNr6G41sIB2bNwCdbkwnaVS79N41WHr_ApQ.svg"
    "%22%7D&auth_date=1736353840"
    "&signature=s72bv8J1hwJanbDqlo9TTMK6Uf4WSwQKuPKK_Q16QBhKD0hfOfoYCOpRl_d8m_8AEI1_oF-9WCJuwW1KQy5-BA"
    "&hash=c0b008672bf1edae403293e790eec42d047ac6613a5799e1939fac5eca41a397"
)

# What is sent, the bot's token or id, and the name that is let in, or None where those projects refuse it too.
PUBLISHED: dict[str, tuple[str, str, str | None]] = {
    "golang": (GOLANG, GOLANG_TOKEN, "Vladislav"),
    "golang, more behind the hash": (GOLANG + "abc", GOLANG_TOKEN, None),
    "golang, no query string": ("here comes something wrong;", GOLANG_TOKEN, None),
    "golang, no hash": ("no_hash=true", GOLANG_TOKEN, None),
    "golang, no auth_date": ("hash=abc", GOLANG_TOKEN, None),
    "golang, auth_date is no number": ("hash=abc&auth_date=test", GOLANG_TOKEN, None),
    "golang, with a signature": (SIGNED, SIGNED_TOKEN, "Vladislav + - ? /"),
    "golang, third party": (NODE, "7342037359", "Vladislav + - ? /"),
    "golang, third party, altered": (NODE + "a", "7342037359", None),
    "golang, third party, another bot": (NODE, "1", None),
    "golang, third party, no signature": ("no_signature=true", "1", None),
    "node": (NODE, NODE_TOKEN, "Vladislav + - ? /"),
    "node, no hash": ("auth_date=1", NODE_TOKEN, None),
    "node, no auth_date": ("hash=HHH", NODE_TOKEN, None),
    "node, auth_date is no number": ("auth_date=AAA&hash=HHH", NODE_TOKEN, None),
    "aiogram": (AIOGRAM, AIOGRAM_TOKEN, "Test"),
    "aiogram, another token": (AIOGRAM, "42:INVALID", None),
    "aiogram, no auth_date": (AIOGRAM.partition("&")[2].partition("&hash")[0] + "&hash=test", AIOGRAM_TOKEN, None),
    "aiogram, no hash": (AIOGRAM.partition("&")[2].partition("&hash")[0], AIOGRAM_TOKEN, None),
    "aiogram, no query string": ("test&foo=bar=baz", AIOGRAM_TOKEN, None),
    "aiogram, a hash beyond ASCII": (
        AIOGRAM.partition("&")[2].partition("&hash")[0] + "&hash=%C3%A9%C3%A9%C3%A9", AIOGRAM_TOKEN, None
    ),
    "telegram-webapp-auth, third party": (WEBAPP_AUTH, WEBAPP_AUTH_ID, "Dmitry"),
    "telegram-webapp-auth, third party, a semicolon": (";" + WEBAPP_AUTH, WEBAPP_AUTH_ID, None),
}  # fmt: skip


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_vectors_get_the_verdict_of_their_projects(mini_apps: MiniApps, case: str) -> None:
    data, bot, name = PUBLISHED[case]
    auth_date = next((int(value) for key, value in parse_qsl(data) if key == "auth_date" and value.isdecimal()), 0)
    token_or_id = {"telegram_bot_token": bot} if ":" in bot else {"telegram_bot_token": "", "telegram_bot_id": int(bot)}
    server = mini_apps.serve(now=auth_date, **token_or_id)
    response = log_in(server, data)
    if name is None:
        check_problem(response, 401, "init_data_invalid")
        return
    assert (response.status_code, response.json()["user"]["first_name"]) == (200, name)
    server.clock.advance(seconds=3601)
    check_problem(log_in(server, data), 401, "init_data_expired")


def test_an_id_that_is_text_is_no_id(mini_apps: MiniApps) -> None:
    """The one vector of aiogram's (same file) that is not let in: its hash is right, but Telegram's ids are numbers;
    nothing is coerced here."""
    data = (
        "auth_date=1650385342&user=%7B%22id%22%3A+%22123456789%22%2C+%22first_name%22%3A+%22PlaceholderFirstName%22%2C+"
        "%22last_name%22%3A+%22PlaceholderLastName+%5Cud83c%5Cuddfa%5Cud83c%5Cudde6%22%2C+%22username%22%3A+%22Latand%22"
        "%2C+%22language_code%22%3A+%22en%22%2C+%22is_premium%22%3A+%22true%22%2C+%22allows_write_to_pm%22%3A+"
        "%22true%22%7D&query_id=test&hash=b3c8b293f14ad0f7f0abcf769aea1209a72295d30a87eb0e74df855d32e53bfe"
    )
    server = mini_apps.serve(now=1650385342, telegram_bot_token=AIOGRAM_TOKEN)
    check_problem(log_in(server, data), 401, "init_data_invalid")
