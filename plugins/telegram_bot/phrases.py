"""The phrases that name a time, a length, seats, and guests, in Russian and English."""

import re
from typing import Final

FLAGS: Final = re.IGNORECASE
SEATS: Final = re.compile(
    r"\b(?:(?:max\.?|up to|до|макс\.?|максимум)\s+)?(\d{1,6})\s*"
    r"(?:seats?|places?|people|persons?|players?|spots?|мест(?:а|о)?|чел(?:\.|овека?)?|участник(?:а|ов)?|игрок(?:а|ов)?)(?!\w)",
    FLAGS,
)
GUESTS: Final = re.compile(
    r"(?:\b(\d{1,2})\s*(?:guests?|гост(?:ь|я|ей))\b|\b(?:no|without|без)\s+(?:guests|гостей)\b)", FLAGS
)
NO_WAITLIST: Final = re.compile(
    r"\b(?:(?:no|without)\s+(?:a\s+)?(?:waiting\s+list|wait-?list|queue)|без\s+(?:очереди|листа\s+ожидания))\b", FLAGS
)
LENGTH: Final = re.compile(
    r"(?<!\bat )(?<!\bin )(?<!\bв )(?<!\bчерез )\b(?:(?:for|на)\s+)?"
    r"(?:(\d+(?:[.,]\d+)?)\s*(?:hours?|hrs?|h|час(?:а|ов)?|ч)(?![\w])\.?)?\s*"
    r"(?:(\d+)\s*(?:minutes?|mins?|m|минут[аы]?|мин|м)(?!\w)\.?)?",
    FLAGS,
)
RANGE: Final = re.compile(
    r"(?P<from>\b(?:с|from|в|at)\s+)?(?<![\d.:])\b(\d{1,2})(?:[:.](\d\d))?\s*(?:-|–|—|до|to|till|until)\s*"
    r"(\d{1,2})(?:[:.]?(\d\d))?(?!\w|[.:]\d)",
    FLAGS,
)
DATES: Final = re.compile(r"\d{1,2}\.(?:0[1-9]|1[0-2])\s*\W\s*\d{1,2}\.(?:0[1-9]|1[0-2])")
"""What looks like a range of times, and is one of dates."""
CLOCK: Final = re.compile(
    r"(?:\b(?:at|в|с|from)\s+)?(?<![\d.:])(\d{1,2}):(\d\d)(?:\s*(am|pm|утра|дня|вечера|ночи)\b)?(?![\d:])", FLAGS
)
HOUR: Final = re.compile(
    r"(?:\b(?:at|в)\s+)?\b(\d{1,2})(?:[.](\d\d))?\s*(?:час(?:а|ов)?\s*)?(am|pm|утра|дня|вечера|ночи|o'clock)(?!\w)",
    FLAGS,
)
AT: Final = re.compile(
    r"\b(?:at|в)\s+(\d{1,2})(?:[.](\d\d))?(?:\s*(?:час(?:а|ов)?|ч))?(?![\w.:/]|\s*\w*(?:мест|чел))", FLAGS
)
DOTTED: Final = re.compile(r"(?<![\w.])(\d{1,2})\.(00|1[3-9]|[2-5]\d)(?![\w.])")
"""A time with a dot that can be no date."""
NOON: Final = re.compile(r"\b(?:at\s+|в\s+)?(noon|полдень|midnight|полночь)\b", FLAGS)
WEEKDAYS: Final = {
    "mon": 0, "monday": 0, "пн": 0, "понедельник": 0, "tue": 1, "tues": 1, "tuesday": 1, "вт": 1, "вторник": 1,
    "wed": 2, "wednesday": 2, "ср": 2, "среда": 2, "среду": 2, "thu": 3, "thur": 3, "thurs": 3, "thursday": 3, "чт": 3,
    "четверг": 3, "fri": 4, "friday": 4, "пт": 4, "пятница": 4, "пятницу": 4, "sat": 5, "saturday": 5, "сб": 5,
    "суббота": 5, "субботу": 5, "sun": 6, "sunday": 6, "вс": 6, "воскресенье": 6, "воскресение": 6,
}  # fmt: skip
WEEKDAY_NAMES: Final = "|".join(sorted(WEEKDAYS, key=len, reverse=True))
WEEKDAY: Final = re.compile(
    rf"\b(?:(?:on|в|во|this|эт(?:от|у|о))\s+)*(?P<last>(?:last|прошл\w+)\s+)?(?P<next>(?:(?:в|во)\s+)?(?:next|следующ\w+)\s+)?"
    rf"(?P<day>{WEEKDAY_NAMES})(?!\w)",
    FLAGS,
)
MONTHS: Final = (
    r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ruary|ch|il|ust|ember|ober)?|"
    r"январ[ья]|феврал[ья]|марта?|апрел[ья]|ма[йя]|июн[ья]|июл[ья]|августа?|сентябр[ья]|октябр[ья]|ноябр[ья]|декабр[ья]"
)
DAY: Final = re.compile(
    rf"\b(?:on\s+|в\s+)?(?:day after tomorrow|day before yesterday|yesterday(?!['’])|позавчера|вчера|"
    rf"\d+\s+(?:days?|weeks?)\s+ago|\d+\s+(?:день|дня|дней|недел[юи]|недель)\s+назад|"
    rf"today|tonight|tomorrow|сегодня|завтра|послезавтра|"
    rf"(?:in|через)\s+(?:\d+\s+)?(?:days?|weeks?|day|a week|день|дня|дней|недел[юи]|недель)|"
    rf"\d{{1,2}}(?:st|nd|rd|th|-?го)?\s+(?:of\s+)?(?:{MONTHS})(?!\w)(?:,?\s+\d{{4}})?|"
    rf"(?:{MONTHS})\s+\d{{1,2}}(?:st|nd|rd|th)?(?!\d|:)(?:,?\s+\d{{4}}\b)?|"
    rf"\d{{4}}-\d\d-\d\d|\d{{1,2}}[./]\d{{1,2}}(?:[./]\d{{2,4}})?)(?![\w:])",
    FLAGS,
)
EDGES: Final = " \t-–—:.|/"
LINKS: Final = re.compile(
    r"^(?:(?:@|(?:at|in|где|место|where|place)\b):?\s*)+|\s+(?:on|at|in|в|во|на|с|from|for)$", FLAGS
)
MASK: Final = "\0"
MONTH_STEMS: Final = (
    *(("jan", "янв"), ("feb", "фев"), ("mar", "мар"), ("apr", "апр"), ("may", "ма"), ("jun", "июн"), ("jul", "июл")),
    *(("aug", "авг"), ("sep", "сен"), ("oct", "окт"), ("nov", "ноя"), ("dec", "дек")),
)
BEFORE: Final = {"yesterday": 1, "вчера": 1, "позавчера": 2, "day before yesterday": 2}
