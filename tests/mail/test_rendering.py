"""What a mail says, in both languages, and that nobody's words become more than words."""

import re
from dataclasses import fields
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from models import Role
from models.user import Language
from resolvers.mail import FailedPhoto, InvitationMail, Mail, PhotosFailedMail, rendered, rendering
from resolvers.mail.mails import PHOTOS_NAMED, TOLD
from resolvers.mail.rendering import LANGUAGES, SUBJECT, _environment
from server.mail.samples import samples
from tests.mail.conftest import AT, invitation

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)><mj-include path='/etc/passwd'/>{{ 7*7 }}"


class Seen(HTMLParser):
    """What a mail program would find: its tags, where they lead, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self._is_shown = True
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def photos(count: int = 1, **more: Any) -> PhotosFailedMail:
    named = [FailedPhoto(filename=f"{number}.jpg", reason="It is cut off.") for number in range(min(count, 20))]
    plain = {"to": "ada@example.org", "language": Language.EN, "at": AT, "title": "By the sea"}
    return PhotosFailedMail(**{**plain, "link": "https://b.example/books/1", "photos": named, "count": count, **more})


def test_an_invitation_says_who_to_what_and_until_when_in_both_parts() -> None:
    said = rendered(invitation())
    seen = Seen(said.html)
    assert said.subject == "Ada invites you to “By the sea”"
    for part in (said.text, seen.text):
        assert "Ada invites you to the picture book “By the sea”." in re.sub(r"\s+", " ", part)
        assert "until 1 December 2026, once, and for you alone" in part
        assert "edit it together" in part and "add to it" not in part
    assert "\nhttps://books.example.org/invitation#token\n" in said.text
    assert seen.links == ["https://books.example.org/invitation#token"]


def test_french_has_its_accents_and_its_spaces() -> None:
    said = rendered(invitation(language=Language.FR, title="Un été à la mer", inviter="Zoé"))
    assert said.subject == "Zoé vous invite à «\u00a0Un été à la mer\u00a0»"
    for part in (said.text, Seen(said.html).text):
        assert "Zoé vous invite à participer au livre d’images «\u00a0Un été à la mer\u00a0»." in part
        assert "jusqu’au 1er décembre 2026, une seule fois et pour vous seulement" in part
    assert '<html lang="fr"' in said.html


def test_a_language_without_templates_reads_english(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(LANGUAGES) == set(Language)
    monkeypatch.setattr(rendering, "LANGUAGES", (Language.EN,))
    assert rendered(invitation(language=Language.TH)) == rendered(invitation())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", Role)
def test_every_role_has_words_of_its_own(role: Role, language: Language) -> None:
    others = {rendered(invitation(role=other, language=language)).text for other in Role if other != role}
    assert rendered(invitation(role=role, language=language)).text not in others


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_stay_words(language: Language) -> None:
    plain = Seen(rendered(invitation(language=language)).html)
    said = rendered(invitation(language=language, title=EVIL, inviter=EVIL))
    seen = Seen(said.html)
    assert seen.tags == plain.tags
    assert seen.links == plain.links
    assert "<script>alert(1)<" in seen.text.replace("\u200b", "")
    # The text part is no HTML: nothing in it is escaped, and nothing of what was given is a template.
    assert "<script>alert(1)<" in said.text.replace("\u200b", "")
    assert "{{ 7*7 }}" in said.text and "49" not in said.text


@given(st.text(max_size=60), st.sampled_from(LANGUAGES))
def test_whatever_the_words_are_they_can_be_said(words: str, language: Language) -> None:
    said = rendered(invitation(language=language, title=words, inviter=words))
    assert Seen(said.html).links == ["https://books.example.org/invitation#token"]
    assert said.subject.splitlines() == [said.subject] and "=?" not in said.subject
    assert "https://books.example.org/invitation#token" in said.text.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_wrote_is_no_link(language: Language) -> None:
    said = rendered(invitation(language=language, title="Win at https://evil.example/x", inviter="bank@evil.example"))
    for part in (said.text, said.html):
        assert "evil.example" not in part and "https://evil" not in part and "@evil" not in part
    assert "evil.example" in said.text.replace("\u200b", "")
    # A sentence keeps its points.
    assert "Sun. Sea." in rendered(invitation(language=language, title="Sun. Sea.")).text


@pytest.mark.parametrize("dot", [".", "\u2024", "\u3002", "\uff0e", "\uff61"])
def test_no_dot_of_any_script_makes_a_link_nor_does_a_subject(dot: str) -> None:
    evil = f"evil{dot}example"
    said = rendered(invitation(title=evil, inviter=evil))
    for part in (said.subject, said.text, said.html):
        assert evil not in part and f"evil{dot}\u200bexample" in part


@pytest.mark.parametrize("broken", ["a\r\nBcc: eve@example.org", "a\nb", "a\x00b", "a\u2028b", "a\x85b"])
def test_a_subject_is_one_line(broken: str) -> None:
    subject = rendered(invitation(title=broken)).subject
    assert subject.splitlines() == [subject] and subject.replace("\u200b", "").isprintable()
    assert subject.startswith("Ada invites you to “a ")


def test_a_subject_has_an_end() -> None:
    assert len(rendered(invitation(title="é" * 500)).subject) == SUBJECT


def test_somebody_who_is_gone_is_somebody() -> None:
    assert rendered(invitation(inviter=None)).subject == "Somebody invites you to “By the sea”"
    assert rendered(invitation(inviter=None, language=Language.FR)).subject.startswith("Quelqu’un vous invite")


def test_photos_are_named_with_their_reasons_and_the_rest_is_counted() -> None:
    one, many = rendered(photos()), rendered(photos(PHOTOS_NAMED + 3))
    assert one.subject == "A photo for “By the sea” could not be used"
    assert many.subject == "23 photos for “By the sea” could not be used"
    assert one.text.count("It is cut off.") == 1 and "more" not in one.text
    for part in (many.text, Seen(many.html).text):
        assert part.count("It is cut off.") == PHOTOS_NAMED
        assert "and 3 more" in part


@pytest.mark.parametrize("language", LANGUAGES)
def test_file_names_and_reasons_stay_words(language: Language) -> None:
    evil = [FailedPhoto(filename=EVIL, reason=EVIL)]
    seen = Seen(rendered(photos(language=language, photos=evil, title=EVIL)).html)
    assert seen.tags == Seen(rendered(photos(language=language)).html).tags
    assert seen.links == ["https://b.example/books/1"]


def test_every_mail_has_both_parts_in_every_language_and_fetches_nothing() -> None:
    kinds = {"verification-change"} | {f"notice-{kind.lower()}" for kind in TOLD}
    kinds |= {kind.template for kind in Mail.__subclasses__()} - {"notice"}
    shown = samples("https://books.example.org")
    assert set(shown) == {f"{kind}-{language.lower()}" for kind in kinds for language in LANGUAGES}
    for mail in shown.values():
        said = rendered(mail)
        seen = Seen(said.html)
        [link] = seen.links
        assert link in said.text
        assert "url(" not in said.html and "@import" not in said.html
        assert {"img", "link", "script", "iframe", "form"}.isdisjoint(seen.tags)


def test_a_template_cannot_ask_for_what_is_not_given() -> None:
    assert "nothing" not in {field.name for field in fields(InvitationMail)}
    with pytest.raises(UndefinedError):
        _environment.from_string("{{ nothing }}").render()
