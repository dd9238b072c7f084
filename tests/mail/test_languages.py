"""Each mail in each language: its own words, dates as people there write them, and nothing left out."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from models import SecurityEventKind
from models.user import Language
from resolvers.mail import Facts, FailedPhoto, NoticeMail, PasswordResetMail, VerificationMail, rendered
from resolvers.mail.mails import TOLD
from resolvers.mail.reasons import reason_in
from server.mail.samples import samples
from tests.mail.conftest import AT, invitation
from tests.mail.test_reasons import reasons
from tests.mail.test_rendering import EVIL, Seen, photos

LINK = "https://books.example.org/account/security"


def notice(kind: SecurityEventKind, language: Language, **facts: Any) -> NoticeMail:
    return NoticeMail(to="ada@example.org", language=language, at=AT, kind=kind, facts=Facts(**facts), link=LINK)


@pytest.mark.parametrize(
    ("language", "day", "moment"),
    [
        (Language.EN, "1 August 2026", "1 August 2026, 09:05 UTC"),
        (Language.FR, "1er août 2026", "1er août 2026 à 09:05 UTC"),
        (Language.NL, "1 augustus 2026", "1 augustus 2026 om 09:05 UTC"),
        (Language.TH, "1 สิงหาคม พ.ศ. 2569", "1 สิงหาคม พ.ศ. 2569 เวลา 09:05 UTC"),
    ],
)
def test_a_day_is_written_as_its_readers_write_it(language: Language, day: str, moment: str) -> None:
    at = datetime(2026, 8, 1, 9, 5, tzinfo=UTC)
    assert day in rendered(invitation(language=language, expires_at=at)).text
    reset = PasswordResetMail(
        to="ada@example.org", language=language, at=AT, ip_address=None, link="https://b.example/x#y", expires_at=at
    )
    for part in (rendered(reset).text, Seen(rendered(reset).html).text):
        assert moment in part


def test_no_mail_says_the_same_in_two_languages_or_for_two_reasons() -> None:
    said = {name: rendered(mail) for name, mail in samples("https://books.example.org").items()}
    assert len({mail.subject for mail in said.values()}) == len(said)
    assert len({mail.text for mail in said.values()}) == len(said)
    for name, mail in said.items():
        is_thai = name.endswith("-th")
        for part in (mail.subject, mail.text, Seen(mail.html).text):
            assert bool(re.search("[\u0e00-\u0e7f]", part)) == is_thai, name
        # What the text says is what the page says.
        shown = re.sub(r"\s+", " ", Seen(mail.html).text)
        for line in mail.text.split("\n-- \n")[0].splitlines():
            words = re.sub(r"\s+", " ", line.removeprefix("- ")).strip()
            assert words.startswith("https://") or words in shown, (name, words)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", sorted(TOLD))
def test_a_notice_says_what_happened_when_with_what_and_from_where(kind: SecurityEventKind, language: Language) -> None:
    plain = rendered(notice(kind, language))
    told = rendered(notice(kind, language, device="Ada's phone", ip_address="192.0.2.7"))
    assert "Ada" not in plain.text and "192" not in plain.text and "None" not in plain.text
    for part in (told.text, Seen(told.html).text):
        assert "Ada's phone" in part and "192.0.2.7" in part.replace("\u200b", "") and "09:30 UTC" in part
    assert Seen(told.html).links == [LINK] and f"\n{LINK}\n" in told.text
    assert told.subject == plain.subject and "\n" not in told.subject


@pytest.mark.parametrize("language", Language)
def test_whoever_has_a_stranger_in_a_session_is_told_what_to_do_about_it(language: Language) -> None:
    def asked(kind: SecurityEventKind) -> str:
        above, _ = rendered(notice(kind, language)).text.split(f"\n{LINK}\n")
        return above.strip().splitlines()[-1]

    locked = asked(SecurityEventKind.PASSWORD_LOCKED)
    assert locked not in {asked(kind) for kind in TOLD - {SecurityEventKind.PASSWORD_LOCKED}}
    end, change = {
        Language.EN: ("End your other sessions", "change your password"),
        Language.FR: ("Fermez ici vos autres sessions", "changez votre mot de passe"),
        Language.NL: ("Beëindig hier je andere sessies", "wijzig je wachtwoord"),
        Language.TH: ("ยุติเซสชันอื่นทั้งหมด", "เปลี่ยนรหัสผ่าน"),
    }[language]
    assert end in locked and change in locked


@pytest.mark.parametrize("language", Language)
def test_what_is_left_of_the_codes_is_counted(language: Language) -> None:
    kind = SecurityEventKind.RECOVERY_CODE_USED
    texts = [rendered(notice(kind, language, left=left)).text for left in (None, 0, 1, 7)]
    assert len(set(texts)) == 4
    assert "7" in texts[3].replace("17", "") and "7" not in texts[2].replace("17", "")


@pytest.mark.parametrize("language", Language)
def test_names_that_people_gave_stay_words(language: Language) -> None:
    for kind, fact in (("PASSKEY_ADDED", "name"), ("IDENTITY_LINKED", "provider"), ("SIGNED_IN", "device")):
        said = rendered(notice(SecurityEventKind(kind), language, **{fact: f"{EVIL} https://evil.example"}))
        seen, plain = Seen(said.html), Seen(rendered(notice(SecurityEventKind(kind), language)).html)
        assert seen.tags == plain.tags and seen.links == [LINK]
        assert "<script>alert(1)<" in seen.text.replace("\u200b", "")
        assert "{{ 7*7 }}" in said.text and "evil.example" not in said.text + said.html


def test_a_new_address_is_asked_in_other_words_than_a_first_one() -> None:
    for language in Language:
        first, other = (
            rendered(
                VerificationMail(
                    to="a@example.org", language=language, at=AT, is_change=change, link=LINK, expires_at=AT
                )
            )
            for change in (False, True)
        )
        assert first.subject != other.subject and first.text != other.text


@pytest.mark.parametrize("language", Language)
def test_a_first_one_tells_when_and_from_where_its_account_was_made(language: Language) -> None:
    given: Any = {"to": "a@example.org", "language": language, "at": AT, "link": LINK, "expires_at": AT}
    made: Any = {"made_at": datetime(2025, 3, 4, 5, 6, tzinfo=UTC)}
    bare, dated, whole = (
        rendered(VerificationMail(**given, is_change=False, **facts)).text.replace("\u200b", "")
        for facts in ({}, made, {**made, "ip_address": "192.0.2.77"})
    )
    assert "05:06 UTC" not in bare and "05:06 UTC" in dated and "192.0.2.77" not in dated
    assert "05:06 UTC" in whole and "192.0.2.77" in whole


@pytest.mark.parametrize("language", [Language.FR, Language.NL, Language.TH])
@pytest.mark.parametrize("english", sorted({*reasons()}))
def test_every_reason_is_translated(english: str, language: Language) -> None:
    said = reason_in(english, language)
    assert said != english and "\\" not in said
    assert re.findall(r"\d+", said) == re.findall(r"\d+", english)
    mail = rendered(photos(language=language, photos=[FailedPhoto(filename="a.jpg", reason=english)]))
    assert said in mail.text.replace("\u200b", "")
