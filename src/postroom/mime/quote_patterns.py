"""The words by which mail programs introduce quoted history, in the languages they speak. Data and patterns only.

Every pattern is meant for one line of at most 400 characters and holds no nested repetition.
"""

import re


def _any(words: str) -> str:
    return "|".join(re.escape(word) for word in sorted(words.split("|"), key=len, reverse=True))


# The verb of an attribution: "On ... NAME wrote:".
_VERBS = (
    "wrote|writes|schrieb|schrieben|hat geschrieben|a écrit|a ecrit|écrit|"
    "écrivait|escribió|escribio|va escriure|escreveu|"
    "ha scritto|scrisse|schreef|heeft geschreven|geschreven|"
    "het volgende geschreven|skrev|skrev følgende|kirjoitti|napisał|"
    "napisała|napisał(a)|napisal|napisala|napsal|napsala|napsal(a)|napísal|napísala|je napisao|je napisala|"
    "je napisao/la|написал|написала|написал(а)|написав|пишет|пише|написа|írta|ezt írta|şunu yazdı|yazdı|a scris|έγραψε|"
    "đã viết|menulis|เขียนว่า|のメール|のメッセージ|が書きました|さんは書きました|写道|寫道|写到|님이 작성|"
    "작성|님이 씀|"
    "كتب|كتبت|تمت كتابة ما يلي بواسطة|כתב|כתבה|ने लिखा"
)
VERB = re.compile(rf"(?:(?<![^\W\d_])(?:{_any(_VERBS)}))", re.I)
# A line that may end an attribution. RFC 3676 has no word on it: it is custom, and one custom a mail program.
VERB_AT_END = re.compile(
    rf"(?:(?<![^\W\d_])(?:{_any(_VERBS)})) ?(?:-{{2,8}}|[:：]?)[>\s*_]{{0,4}}$",
    re.I,
)
ADDRESS_AT_END = re.compile(r"@[^\s<>@]{1,120}[>)\]\u202c\u202a\u200f]{1,4} ?[:：][\s*\u202c\u200f]{0,3}$")
ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,120}")
CLOCK = re.compile(r"\d{1,2}[:.hH時시点]\s?\d{2}")
# A day: with a year, or a month by name is left to the year or the clock beside it.
DAY = re.compile(r"(?<!\d)(?:(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})(?!\d)")
# What an attribution begins with. Nearest line upward that matches is where it starts.
START = re.compile(
    r"(?:On|Am|Le|El|Em|Il|In data|Op|Dnia|W dniu|Dne|Den|Pada|Vào|Στις|La data|Il giorno|Det|O dia|No dia|Dana|"
    r"في|ב-|בתאריך|于|在|於)(?=[\s\d,])"
    r"|(?:mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|mié|jue|vie|sáb|dom|gio|"
    r"lør|søn|tir|ons|tor|fre|pe|ma|ti|ke|to|la|su|пн|вт|ср|чт|пт|сб|вс|нд|pon|wt|śr|czw|pt|sob|niedz|po|út|st|čt|pá|"
    r"so|ne|seg|ter|qua|qui|sex|wo|vr|za|zo|pzt|sal|çar|per|cum|cmt|paz)[a-zà-ž]{0,9}[.,]{0,2} (?=\d)"
    r"|\d{1,4}[./年년-]\s?\d{1,2}[./月월-]|\d{1,2}:\d{2}",
    re.I,
)
FORWARD = re.compile(
    r"[\s>*]{0,6}(?:-{2,40}+ ?(?:Forwarded message|Forwarded by|"
    r"Weitergeleitete Nachricht|Message transféré|Message transf.r.|"
    r"Mensaje reenviado|Mensagem encaminhada|Messaggio inoltrato|Doorgestuurd bericht|Videresendt besked|"
    r"Videresendt melding|Vidarebefordrat meddelande|Wiadomość przekazana|Treść przekazanej wiadomości|"
    r"Пересылаемое сообщение|Пересланное сообщение|Переслане повідомлення|转发的邮件|轉寄郵件|転送メッセージ|"
    r"전달된 메일|رسالة معاد توجيهها|İletilen mesaj|Yönlendirilen ileti|Välitetty viesti|Přeposlaná zpráva)"
    r"|(?:Begin forwarded message|Anfang der weitergeleiteten (?:E-Mail|"
    r"Nachricht)|Début du message (?:transféré|réexpédié)|"
    r"Inicio del mensaje reenviado|Inizio messaggio inoltrato|"
    r"Início da mensagem encaminhada|Begin doorgestuurd bericht|"
    r"Начало переадресованного сообщения|转发的邮件|下記の転送メッセージ|전달된 메시지) ?[:：])",
    re.I,
)
ORIGINAL = re.compile(
    r"[\s>*]{0,6}[-_=*]{2,40}+[ *]{0,3}+(?:Original Message|Original Appointment|Original E-?mail|Reply Message|"
    r"Ursprüngliche (?:Nachricht|Mail|E-Mail)|Original-?Nachricht|Originalnachricht|Oprindelig (?:meddelelse|besked)|"
    r"Opprinnelig melding|Message d.origine|Message original|Mensaje original|Mensagem original|Messaggio originale|"
    r"Oorspronkelijk bericht|Ursprungligt meddelande|Originalmeddelande|Wiadomość oryginalna|Oryginalna wiadomość|"
    r"Исходное сообщение|Оригинальное сообщение|Оригінальне повідомлення|Alkuperäinen viesti|Původní zpráva|"
    r"Eredeti üzenet|Orijinal ileti|Orijinal Mesaj|Mesaj original|"
    r"Αρχικό μήνυμα|原始邮件|原始郵件|邮件原件|元のメッセージ|"
    r"원본 메시지|원본 메일|الرسالة الأصلية|מקורית)[ *]{0,3}(?:[-_=*]{2,40}|$)",
    re.I,
)
# "##- Please type your reply above this line -##": whatever follows is history.
ABOVE_WORDS = (
    *("reply above", "above this line", "oberhalb dieser", "au-dessus de cette", "encima de esta", "sopra questa"),
    *("boven deze", "acima desta"),
)
ABOVE = re.compile(
    rf"[\s>]{{0,6}}[#-]{{2,10}}+ ?[^\n]{{0,40}}(?:{_any('|'.join(ABOVE_WORDS))})[^\n]{{0,60}}[#-]{{2,10}}\s{{0,4}}$",
    re.I,
)
_FROM = (
    "From|Von|De|Da|Van|Från|Fra|Od|От кого|От|Від|Lähettäjä|Feladó|Kimden|Gönderen|De la|Από|发件人|寄件者|差出人|"
    "보낸 사람|보낸사람|من|מאת|Message du|प्रेषक"
)
_SUBJECT = (
    "Subject|Betreff|Objet|Sujet|Asunto|Assunto|Oggetto|Onderwerp|Ämne|Emne|Temat|Тема|Aihe|Předmět|Tárgy|Konu|"
    "Subiect|Θέμα|主题|主旨|件名|제목|الموضوع|נושא|विषय"
)
_OTHERS = (
    "Sent|Date|To|Cc|Reply-To|Gesendet|Datum|An|Kopie|Envoyé|Envoyé le|À|A|Copie à|Enviado|Enviado el|Enviada em|"
    "Enviado em|Fecha|Para|CC|Data|Inviato|Verzonden|Aan|Skickat|Till|Kopia|Sendt|Dato|Til|Kopi|Wysłano|Do|DW|"
    "Дата|Отправлено|Кому|Копия|Надіслано|Lähetetty|Vastaanottaja|Päivämäärä|Odesláno|Komu|Elküldve|Címzett|Kime|"
    "Gönderildi|Tarih|Trimis|Către|Στάλθηκε|Προς|发送时间|发送日期|日期|收件人|抄送|寄件日期|收件者|送信日時|日時|宛先|"
    "보낸 날짜|날짜|받는 사람|받는사람|تاريخ الإرسال|التاريخ|إلى|נשלח|אל|भेजा|दिनांक|प्रति"
)
_LEAD = r"[>\s*_|\u200f\u202b]{0,8}"
_COLON = r"[\s*]{0,4}[:：]"
HEADER_FROM = re.compile(rf"{_LEAD}(?:{_any(_FROM)}){_COLON}", re.I)
HEADER_SUBJECT = re.compile(rf"{_LEAD}(?:{_any(_SUBJECT)}){_COLON}|[^\n]{{0,200}} (?:Objet|Subject|Betreff) ?:", re.I)
HEADER_OTHER = re.compile(rf"{_LEAD}(?:{_any(_OTHERS)}){_COLON}", re.I)
RULE = re.compile(r"[\s>]{0,4}[-_=*]{3,120}\s{0,4}$")
# The cheap look at a whole text, which may see more than there is: one literal newline first, so that the engine skips
# from line to line, and the first letters as a set, so that few lines are held against every word.
_FIRST = "".join(sorted({word[0] for word in _FROM.split("|")}))
_FURTHER = _any("|".join(word[1:] for word in _FROM.split("|")))
SUSPECT = re.compile(
    rf"\n[ \t\xa0\u3000*_|]{{0,8}}[-_=*#{_FIRST}]"
    rf"(?:[-_=*#]|(?:{_FURTHER})[\s*]{{0,4}}[:：]|n [A-Z][a-z]{{2}})"
)
LINE_ENDS_IN_COLON = re.compile(r":\n")
