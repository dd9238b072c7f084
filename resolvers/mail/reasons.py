"""Why a photo could not be used, which is kept in English, in the language of whoever reads of it."""

import re
from typing import Final

from models.user import Language

#: By the whole of what is kept; then in French, Dutch and Thai.
_SAID: Final = [
    (re.compile(english), {Language.FR: french, Language.NL: dutch, Language.TH: thai})
    for english, french, dutch, thai in (
        (
            r"The file is longer than declared\.",
            "Le fichier est plus long qu’annoncé.",
            "Het bestand is langer dan opgegeven.",
            "ไฟล์ยาวกว่าที่แจ้งไว้",
        ),
        (
            r"The file is not as long as declared\.",
            "Le fichier n’a pas la longueur annoncée.",
            "Het bestand is niet zo lang als opgegeven.",
            "ความยาวของไฟล์ไม่ตรงกับที่แจ้งไว้",
        ),
        (
            r"The bytes are not those declared: their SHA-256 is another\.",
            "Le contenu n’est pas celui annoncé\u00a0: son SHA-256 est différent.",
            "De inhoud is niet wat is opgegeven: de SHA-256 is een andere.",
            "เนื้อหาของไฟล์ไม่ตรงกับที่แจ้งไว้: ค่า SHA-256 ต่างกัน",
        ),
        (
            r"The bytes are gone from the bucket\.",
            "Le fichier envoyé n’est plus là.",
            "Het verzonden bestand is er niet meer.",
            "ไม่พบไฟล์ที่ส่งมาแล้ว",
        ),
        (
            r"The photo could not be processed; please upload it again\.",
            "La photo n’a pas pu être traitée\u00a0; merci de l’envoyer à nouveau.",
            "De foto kon niet worden verwerkt; upload hem opnieuw.",
            "ประมวลผลรูปภาพไม่ได้ โปรดอัปโหลดอีกครั้ง",
        ),
        (
            r"It is not a picture of a kind we take: JPEG, PNG, WebP, GIF, AVIF or HEIC\.",
            "Ce n’est pas une image d’un format accepté\u00a0: JPEG, PNG, WebP, GIF, AVIF ou HEIC.",
            "Dit is geen afbeelding in een formaat dat we aannemen: JPEG, PNG, WebP, GIF, AVIF of HEIC.",
            "ไม่ใช่รูปภาพชนิดที่เรารับ ซึ่งได้แก่ JPEG, PNG, WebP, GIF, AVIF หรือ HEIC",
        ),
        (
            r"It is an? (\w+), not an? (\w+) as announced\.",
            r"C’est une image \1, et non \2 comme annoncé.",
            r"Dit is een \1, geen \2 zoals opgegeven.",
            r"เป็นรูปภาพชนิด \1 ไม่ใช่ \2 ตามที่แจ้งไว้",
        ),
        (
            r"It is damaged or incomplete\.",
            "Elle est endommagée ou incomplète.",
            "De foto is beschadigd of onvolledig.",
            "รูปภาพเสียหายหรือไม่สมบูรณ์",
        ),
        (
            r"It would be many times as large without its metadata; please save it as a JPEG and upload that\.",
            "Sans ses métadonnées, elle serait bien plus lourde\u00a0; merci de l’enregistrer et de l’envoyer en JPEG.",
            "Zonder metadata zou de foto vele malen groter worden; sla haar op als JPEG en upload die.",
            "หากลบข้อมูลเมตาออก ไฟล์จะใหญ่ขึ้นหลายเท่า โปรดบันทึกเป็น JPEG แล้วอัปโหลดใหม่",
        ),
        (
            r"It takes too much time or memory to look at\.",
            "L’examiner demande trop de temps ou de mémoire.",
            "Het bekijken ervan kost te veel tijd of geheugen.",
            "การตรวจรูปภาพนี้ใช้เวลาหรือหน่วยความจำมากเกินไป",
        ),
        (
            r"It has (\d+) megapixels; at most (\d+) are taken\.",
            "Elle a \\1\u00a0mégapixels\u00a0; \\2 au plus sont acceptés.",
            "De foto heeft \\1\u00a0megapixel; we nemen er hooguit \\2 aan.",
            r"รูปภาพมี \1 เมกะพิกเซล เรารับได้ไม่เกิน \2 เมกะพิกเซล",
        ),
    )
]


def reason_in(reason: str, language: Language) -> str:
    """As it is where nobody has translated it."""
    for english, said in _SAID:
        if language in said and (match := english.fullmatch(reason)):
            return match.expand(said[language])
    return reason
