"""The words beside one-time codes and action links, and beside the numbers that are neither, language by language.

Data, and the patterns made of it; no judgement. `*` ends a stem that may go on; words with `|` between them.
"""

import re

# Scripts that write words without spaces or glue particles to them.
_UNSPACED = re.compile("[\u0590-\u0e7f\u1100-\u11ff\u3000-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"\w+")
_STEM = 3  # characters by which a stem is looked up

Found = tuple[int, int, str]  # start, end, kind


class Lexicon:
    """Words and phrases with their kinds, found in a line in one pass: the longest that begins at a word."""

    def __init__(self, words: dict[str, str]) -> None:
        """`words`: for each kind its words, with `|` between them."""
        kinds = {word: kind for kind, listed in words.items() for word in listed.split("|")}
        self._kinds = {word.rstrip("*"): kind for word, kind in kinds.items()}
        self._phrases: dict[str, list[tuple[str, bool]]] = {}
        self._stems: dict[str, list[str]] = {}
        unspaced = [word for word in kinds if _UNSPACED.search(word)]
        for word in sorted(set(kinds) - set(unspaced), key=len, reverse=True):
            stem = word.endswith("*")
            bare = word.rstrip("*")
            first = _WORD.search(bare)
            if first is not None and first[0] == bare and stem:
                self._stems.setdefault(bare[:_STEM], []).append(bare)
            elif first is not None:
                self._phrases.setdefault(first[0], []).append((bare, stem))
        self._unspaced = re.compile("|".join(re.escape(word) for word in sorted(unspaced, key=len, reverse=True)))

    def find(self, line: str) -> list[Found]:
        """Return what stands in a line, in order, none overlapping the one before."""
        low = line.lower()
        if len(low) != len(line):  # a capital dotted I becomes two characters
            low = line
        found: list[Found] = []
        if not low.isascii() and _UNSPACED.search(low):
            found = [(m.start(), m.end(), self._kinds[m[0]]) for m in self._unspaced.finditer(low)]
        past = 0
        for match in _WORD.finditer(low):
            word = match[0]
            if match.start() < past or not (word in self._phrases or word[:_STEM] in self._stems):
                continue
            phrase = self._at(low, match.start(), word)
            if phrase is not None:
                past = match.start() + len(phrase)
                found.append((match.start(), past, self._kinds[phrase]))
        return sorted(found) if len(found) > 1 else found

    def _at(self, low: str, start: int, word: str) -> str | None:
        for phrase, open_ended in self._phrases.get(word, ()):
            end = start + len(phrase)
            if low.startswith(phrase, start) and (open_ended or not low[end : end + 1].isalnum()):
                return phrase
        return next((stem for stem in self._stems.get(word[:_STEM], ()) if word.startswith(stem)), None)


# kind -> words. strong: names a one-time code by itself; code: usually one; act: what such a code is for;
# no: the number beside it is something else; promo: the mail sells; meet: a call to dial into; till: what a card
# terminal prints, whose approval code opens nothing.
_WORDS = {
    "strong": (
        "verification code|security code|authentication code|login code|"
        "sign-in code|log-in code|access code|one-time code|"
        "one time code|one-time passcode|one time passcode|one-time password|one time password|one-time pin|otp|"
        "confirmation code|activation code|temporary code|two-factor code|2fa code|verification pin|reset code|"
        "magic code|pairing code|device code|single-use code|login pin|verify code|"
        "bestätigungscode*|sicherheitscode*|anmeldecode*|zugangscode*|"
        "einmalcode*|verifizierungscode*|aktivierungscode*|"
        "freischaltcode*|einmalkennwort|einmalpasswort|login-code|"
        "bestätigungs-code|tan|sms-code|authentifizierungscode|"
        "code de vérification|code de sécurité|code de confirmation|code de connexion|code d'accès|code d’accès|"
        "code d'activation|code d’activation|code à usage unique|code de validation|mot de passe à usage unique|"
        "code d'authentification|code d’authentification|code temporaire|"
        "código de verificación|código de seguridad|código de confirmación|código de acceso|código de un solo uso|"
        "código de activación|código de inicio de sesión|clave de un solo uso|contraseña de un solo uso|clave dinámica|"
        "codice di verifica|codice di sicurezza|codice di conferma|codice di accesso|codice di attivazione|codice otp|"
        "codice monouso|codice temporaneo|password monouso|"
        "codice di autenticazione|codice d'accesso|codice usa e getta|"
        "código de verificação|código de segurança|código de confirmação|código de ativação|código de autenticação|"
        "código de uso único|senha de uso único|código único|"
        "verificatiecode|beveiligingscode|bevestigingscode|inlogcode|toegangscode|activeringscode|activatiecode|"
        "eenmalige code|eenmalig wachtwoord|verificatie-code|aanmeldcode|"
        "код подтверждения|кода подтверждения|код безопасности|код доступа|код активации|код для входа|проверочный код|"
        "одноразовый код|одноразовый пароль|код авторизации|код проверки|пароль для входа|код верификации|"
        "doğrulama kod*|güvenlik kod*|onay kod*|giriş kod*|tek kullanımlık|etkinleştirme kod*|aktivasyon kod*|"
        "kod weryfikacyjny|kodu weryfikacyjnego|kod bezpieczeństwa|kod potwierdzający|kod dostępu|kod logowania|"
        "kod aktywacyjny|kod jednorazowy|jednorazowy kod|hasło jednorazowe|jednorazowe hasło|"
        "验证码|校验码|动态码|动态密码|动态口令|确认码|激活码|安全码|驗證碼|一次性密码|登录码|"
        "確認コード|認証コード|検証コード|ワンタイムパスワード|認証番号|確認番号|セキュリティコード|ログインコード|暗証コード|"
        ""
        "인증번호|인증 번호|인증코드|인증 코드|확인 코드|확인코드|보안 코드|보안코드|일회용 비밀번호|로그인 코드|"
        "رمز التحقق|رمز التأكيد|رمز الدخول|رمز الأمان|كود التحقق|كلمة المرور لمرة واحدة|رمز التفعيل|رمز لمرة واحدة|"
        "सत्यापन कोड|पुष्टिकरण कोड|सुरक्षा कोड|ओटीपी|लॉगिन कोड|वन-टाइम पासवर्ड|एक्टिवेशन कोड"
    ),
    "code": (
        "code|codes|pin|passcode|pass code|pin-code|pincode|token|kennwort|einmal-code|código|codigo|clave|codice|"
        "код|кода|кодом|коды|пин-код|kod|kodu|kodun|kodunuz|kodem|senha temporária|şifreniz|"
        "代码|密码为|口令|コード|코드|رمز|الرمز|كود|कोड|पिन"
    ),
    "act": (
        "sign in|signing in|sign-in|log in|login|logging in|verify|verification|authenticate|authentication|"
        "two-factor|confirm it's you|confirm your*|finish signing up|2-step|"
        "anmelden|anmeldung|einloggen|bestätigen|verifizier*|authentifizier*|"
        "connexion|vous connecter|vérifi*|authentifi*|valider|iniciar sesión|inicio de sesión|verificar|verifica*|"
        "accedere|accesso|autentic*|entrar|acessar|confirmar|inloggen|aanmelden|verifi*|bevestig*|"
        "вход|входа|войти|подтвер*|авториз*|giriş|doğrula*|onayla*|zalog*|logowan*|weryfik*|potwierdz*|"
        "登录|验证|登入|ログイン|認証|確認|로그인|인증|تسجيل الدخول|التحقق|लॉगिन|लॉग इन|सत्याप"
    ),
    "no": (
        "order|order number|order no|order id|invoice|invoice number|ticket|"
        "ticket number|case|case number|case id|tracking|"
        "tracking number|account number|account no|account id|account ending|customer number|customer id|customer no|"
        "client number|reference|reference number|ref|ref no|receipt|"
        "receipt no|receipt number|booking|booking reference|"
        "booking code|reservation|reservation code|transaction|transaction id|request|request id|request number|parcel|"
        "shipment|phone|tel|telephone|mobile|fax|call|call us|room|suite|flight|build|version|serial|serial number|"
        "member number|membership number|policy number|contract|contract number|quote|id number|user id|store|"
        "zip code|zip|postal code|postcode|post code|area code|country code|"
        "error code|exit code|status code|response code|"
        "source code|qr code|bar code|barcode|dress code|code of conduct|code review|product code|item code|sku|model|"
        "sort code|swift code|iban|bic|vat code|tax code|license key|conference id|article|article number|part number|"
        "pr|street|st|avenue|ave|road|rd|suite|po box|hotline|reward|points|lot|batch|pickup number|"
        "bestellung|bestellnummer|bestell-nr|auftrag|auftragsnummer|rechnung|rechnungsnummer|rechnungs-nr|kundennummer|"
        "kunden-nr|kundennr|sendung|sendungsnummer|paket|paketnummer|vorgang|vorgangsnummer|vertragsnummer|buchung|"
        "buchungscode|buchungsnummer|telefon|tel-nr|mobil|plz|postleitzahl|artikelnummer|artikel-nr|aktenzeichen|hrb|"
        "ticketnummer|referenz|referenznummer|mitgliedsnummer|fehlercode|quellcode|qr-code|kontonummer|personalnummer|"
        "straße|zimmer|flug|bankleitzahl|blz|steuernummer|"
        "commande|numéro de commande|n° de commande|facture|numéro de facture|"
        "référence|réf|numéro de suivi|suivi|colis|"
        "numéro client|numéro de client|dossier|réservation|"
        "code de réservation|code postal|téléphone|tél|demande|billet|"
        "code-barres|code barres|code d'erreur|code erreur|code source|siret|siren|rcs|capital|contrat|"
        "pedido|número de pedido|nº de pedido|factura|número de factura|referencia|seguimiento|envío|número de cliente|"
        "reserva|código de reserva|localizador|código postal|c.p.|teléfono|tfno|expediente|código de barras|código qr|"
        "código de error|contrato|número de cuenta|nif|cif|incidencia|"
        "ordine|numero ordine|numero d'ordine|fattura|numero fattura|riferimento|spedizione|pacco|numero cliente|"
        "codice cliente|prenotazione|codice prenotazione|codice fiscale|codice postale|cap|telefono|pratica|"
        "codice a barre|codice errore|codice articolo|partita iva|p. iva|assistenza|biglietto|contratto|"
        "número do pedido|nota fiscal|fatura|protocolo|rastreamento|"
        "código de rastreamento|código de rastreio|encomenda|"
        "cep|código de reserva|cliente nº|número do cliente|telefone|whatsapp|"
        "código de erro|código do produto|cnpj|cpf|"
        "bestelling|bestelnummer|ordernummer|factuur|factuurnummer|klantnummer|pakket|zending|zendingnummer|"
        "referentie|referentienummer|boeking|boekingsnummer|reservering|telefoon|kenmerk|dossiernummer|foutcode|"
        "streepjescode|kvk|rekeningnummer|lidnummer|polisnummer|"
        "заказ|заказа|номер заказа|счет|счёт|счета|номер счета|квитанция|"
        "трек-номер|отправление|посылка|заявка|обращение|"
        "обращения|заявки|номер клиента|договор|договора|бронь|бронирование|бронирования|код бронирования|индекс|"
        "почтовый индекс|телефон|инн|огрн|рейс|артикул|код ошибки|штрих-код|qr-код|код товара|накладная|"
        "sipariş|sipariş numarası|sipariş no|fatura no|fatura numarası|müşteri no|müşteri numarası|kargo|takip no|"
        "takip numarası|takip kodu|rezervasyon|rezervasyon kodu|posta kodu|"
        "hata kodu|talep no|telefon no|müşteri hizmetleri|"
        "zamówieni*|numer zamówienia|nr zamówienia|faktura|faktury|numer faktury|nr faktury|przesyłk*|numer przesyłki|"
        "numer klienta|rezerwacj*|kod pocztowy|kod rezerwacji|kod błędu|"
        "kod kreskowy|zgłoszeni*|telefonu|nip|regon|umowa|"
        "订单|订单号|订单编号|发票|发票号|快递单号|运单号|物流单号|单号|客户编号|会员号|卡号|账号|电话|手机号|邮编|邮政编码|"
        ""
        "工单|编号|流水号|航班|二维码|错误代码|源代码|热线|"
        "注文番号|注文|請求書|請求番号|お問い合わせ番号|追跡番号|伝票番号|予約番号|お客様番号|会員番号|電話|電話番号|"
        "郵便番号|〒|受付番号|便名|エラーコード|ソースコード|QRコード|バーコード|商品コード|口座番号|管理番号|"
        "주문번호|주문 번호|송장|운송장|운송장 번호|청구서|고객번호|고객 번호|고객센터|"
        "예약번호|예약 번호|전화|우편번호|"
        ""
        "접수번호|오류 코드|계좌번호|회원번호|문의번호|항공편|"
        "رقم الطلب|الطلب|فاتورة|رقم الفاتورة|رقم التتبع|رقم الشحنة|رقم العميل|رقم الحجز|رمز الحجز|الرمز البريدي|هاتف|"
        "رقم الهاتف|رقم المرجع|رقم الحساب|رمز الخطأ|اتصل|"
        "ऑर्डर|ऑर्डर संख्या|ऑर्डर नंबर|चालान|इनवॉइस|ट्रैकिंग|ग्राहक संख्या|"
        "ग्राहक आईडी|खाता संख्या|बुकिंग|पीएनआर|फ़ोन|फोन|पिन कोड|"
        "संदर्भ संख्या|टिकट|शिकायत"
    ),
    "promo": (
        "promo code|promo|promotion code|coupon*|voucher*|discount*|checkout|gift card|gift code|referral code|"
        "gutschein*|rabatt*|aktionscode|sparen|code promo|remise|bon d'achat|code cadeau|parrainage|code de parrainage|"
        "descuento|cupón|código promocional|tarjeta regalo|sconto|codice sconto|codice promo*|buono|desconto|cupom|"
        "código promocional|korting*|kortingscode|actiecode|cadeaubon|промокод*|скидк*|купон*|"
        "indirim*|kupon*|hediye çeki|rabat*|kod rabatowy|zniżk*|bon|bony|bonu|bonów|优惠码|优惠|折扣|"
        "兑换码|クーポン*|割引|할인|쿠폰|خصم|كوبون|قسيمة|छूट|कूपन|प्रोमो"
    ),
    "till": (
        "subtotal|sub-total|cashier|terminal id|change due|amount tendered|kassenbon|kassierer|zwischensumme|"
        "terminal-id|ticket de caisse|sous-total|ticket de compra|scontrino|subtotale|nsu|kassabon|subtotaal|"
        "кассир|кассовый чек|小票|小計|レシート|소계|영수증|ara toplam|paragon"
    ),
    "meet": (
        "meeting id|dial-in|dial in|conference pin|conference id|join by phone|join zoom|zoom meeting|webinar id|"
        "phone conference id|einwahl*|konferenz-id|meeting-id|besprechungs-id|telefonkonferenz|"
        "id de réunion|id de la réunion|numéro de conférence|id de reunión|"
        "id riunione|id da reunião|vergader-id|inbellen|"
        "идентификатор конференции|toplantı kimliği|identyfikator spotkania|会议号|会议 id|会议id|ミーティングid|"
        "ミーティング id|会議id|회의 id|회의 번호|معرف الاجتماع|मीटिंग आईडी"
    ),
}
_ACTIONS = {
    "reset": (
        "reset|reset your password|reset password|choose a new password|"
        "set a new password|forgot your password|zurücksetzen|"
        "zurückzusetzen|neues passwort|réinitialis*|nouveau mot de passe|restablec*|nueva contraseña|reimposta*|"
        "reimpostare|ripristina*|nuova password|redefin*|nova senha|nieuw wachtwoord|herstel*|wachtwoord resetten|"
        "wachtwoord opnieuw|сброс*|новый пароль|восстанов*|重置|重设|找回密码|再設定|リセット|재설정|"
        "إعادة تعيين|रीसेट|sıfırla*|yeni şifre|zresetuj*|zresetować|resetow*|nowe hasło|password-reset|reset-password"
    ),
    "invite": (
        "accept invitation|accept the invitation|accept invite|accept your invitation|join the team|join workspace|"
        "join the workspace|join team|join organization|invited you|einladung annehmen|accepter l'invitation|"
        "accepter l’invitation|rejoindre l'équipe|rejoindre l’équipe|aceptar la invitación|aceptar invitación|"
        "accetta l'invito|accetta invito|aceitar convite|aceitar o convite|uitnodiging accepteren|принять приглашение|"
        "接受邀请|加入团队|招待を承認|招待を受ける|초대 수락|초대를 수락|قبول الدعوة|आमंत्रण स्वीकार|daveti kabul*|"
        "przyjmij zaproszenie|invite|invitation"
    ),
    "verify": (
        "verify|confirm|activate|verification|confirmation|activation|bestätig*|aktivier*|verifizier*|confirmer|"
        "confirmez|confirme*|vérifi*|activer|activez|confirma*|verific*|activa*|conferma*|confermare|attiva*|"
        "ativar|ative|bevestig*|verifieer*|activeer*|подтверд*|активир*|验证|确认邮箱|激活|確認|認証|有効化|"
        "인증|확인|활성화|تأكيد|تفعيل|التحقق|सत्याप|पुष्टि|doğrula*|onayla*|etkinleştir*|potwierd*|aktywuj*|"
        "zweryfikuj*|weryfik*|validate|valider|validez|опубликовать"
    ),
    "magic_link": (
        "magic|magic link|sign in|sign-in|signin|log in|login|log-in|anmelden|einloggen|connexion|connectez-vous|"
        "se connecter|vous connecter|iniciar sesión|inicia sesión|accedi|accedere|entrar|acessar|inloggen|log in bij|"
        "войти|вход|входа|登录|登入|ログイン|로그인|تسجيل الدخول|لتسجيل الدخول|लॉग इन|लॉगिन|giriş*|zaloguj*|zalogować|"
        "passwordless"
    ),
    "drop": (
        "unsubscribe|opt out|opt-out|manage preferences|email preferences|preferences|view in browser|privacy|abmelden|"
        "abbestellen|désabonner|désinscri*|desinscri*|se désinscrire|darse de baja|cancelar suscripción|baja|"
        "disiscri*|annulla iscrizione|cancelar inscrição|descadastr*|afmelden|"
        "uitschrijven|отписаться|отпис*|退订|取消订阅|"
        "配信停止|配信解除|수신거부|수신 거부|إلغاء الاشتراك|सदस्यता छोड़|abonelikten|wypisz*|zrezygnuj*|rezygnacj*"
    ),
}
LABELS = Lexicon(_WORDS)
ACTIONS = Lexicon(_ACTIONS)
