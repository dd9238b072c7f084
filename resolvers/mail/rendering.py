"""Templates into a subject, a text and a page: Jinja fills in, MJML lays out what mail programs can show."""

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from mjml import mjml2html

from models.user import Language
from resolvers.mail.mails import Mail
from resolvers.mail.reasons import reason_in

#: The languages that there are templates in; others read English.
LANGUAGES: Final = (Language.EN, Language.FR, Language.NL, Language.TH)
#: Characters of a subject.
SUBJECT: Final = 200

_TEMPLATES: Final = Path(__file__).parent / "templates"
#: The page of a mail that has none of its own: what its text says, and a button.
_LETTER: Final = "letter.mjml"
_MONTHS: Final = {
    Language.EN: (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    Language.FR: (
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    Language.NL: (
        *("januari", "februari", "maart", "april", "mei", "juni"),
        *("juli", "augustus", "september", "oktober", "november", "december"),
    ),
    Language.TH: (
        *("มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน"),
        *("กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม"),
    ),
}
#: Between a day and its time of day.
_AT: Final = {Language.EN: ",", Language.FR: " à", Language.NL: " om", Language.TH: " เวลา"}
#: How much later the years of the Buddhist era (พ.ศ.) are.
_BUDDHIST: Final = 543
_UNWRITABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_SPACES: Final = re.compile("  +")
#: After all that some program takes for the dot of a domain (UTS 46, 4), or that looks like one.
_JOINS: Final = re.compile(r"(?<=[.:/@\u2024\u3002\uff0e\uff61])(?=[^\s.])")


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


def rendered(mail: Mail) -> Rendered:
    """The mail in its reader's language."""
    language = written_in(mail.language)
    given = {field.name: getattr(mail, field.name) for field in fields(mail)} | {"language": language}
    path = f"{language.lower()}/{mail.template}"
    text = _environment.get_template(f"{path}.txt")

    def said(block: str) -> str:
        # Not escaped yet: that is done where it is put.
        return "".join(text.blocks[block](text.new_context(given))).strip()

    subject = _line(_words(said("subject")))
    page = _environment.select_template([f"{path}.mjml", _LETTER]).render(given, subject=subject, said=said)
    # Without fonts of its own: each would be fetched from elsewhere, which tells when a mail is read.
    return Rendered(subject, text.render(given).strip() + "\n", mjml2html(page, fonts={}))


def written_in(language: Language) -> Language:
    return language if language in LANGUAGES else Language.EN


def _line(text: str) -> str:
    """One line, in which nothing is an encoded word: Python would decode that, line breaks and all, into headers."""
    return _SPACES.sub(" ", _plain(text))[:SUBJECT].replace("=?", "=\u200b?")


def _plain(text: str) -> str:
    """Without what MJML, being XML, cannot hold, and what ends a line."""
    return _UNWRITABLE.sub(" ", text)


def _words(text: str) -> str:
    """What people wrote, such that no mail program makes links of it: a title must not lead anywhere."""
    return _JOINS.sub("\u200b", _plain(text))


def _day(moment: datetime, language: Language) -> str:
    at = moment.astimezone(UTC)
    first = "1er" if language == Language.FR and at.day == 1 else str(at.day)
    year = f"พ.ศ. {at.year + _BUDDHIST}" if language == Language.TH else str(at.year)
    return f"{first} {_MONTHS[language][at.month - 1]} {year}"


def _moment(moment: datetime, language: Language) -> str:
    """To the minute. Where its reader is nobody knows, so it says that it is UTC."""
    return f"{_day(moment, language)}{_AT[language]} {moment.astimezone(UTC):%H:%M} UTC"


def _made() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("mjml",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"day": _day, "moment": _moment, "reason": reason_in, "words": _words}
    environment.filters.update(filters)
    return environment


_environment: Final = _made()
