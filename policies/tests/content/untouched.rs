//! What is left alone.

use expect_test::expect;

use super::{check, check_untouched};

#[test]
fn writing_in_any_script_is_untouched() {
    check_untouched(&[
        "Привет, как дела? Сегодня хорошая погода.",
        "Я купил iPhone в Москве, а VPN не работает",
        "Καλημέρα κόσμε, τι κάνεις;",
        "Ἐν ἀρχῇ ἦν ὁ λόγος, ᾧ",
        "مرحبا بالعالم، كيف حالك؟",
        "مُحَمَّدٌ رَسُولُ",
        "سنة 1445 هـ",
        "हिन्दी में लिखना",
        "Tôi yêu tiếng Việt, đường phố Hà Nội",
        "בְּרֵאשִׁ֖ית בָּרָ֣א אֱלֹהִ֑ים",
        "สวัสดีครับ ก็ดี",
        "မြန်မာဘာသာ မြွှေး",
        "བོད་སྐད་ བསྒྲུབས",
        "東京のTシャツ、カメラ",
        "한국어 텍스트",
        "Բարեւ ձեզ",
        "გამარჯობა მსოფლიო",
        "Jag är från Göteborg, på öl",
        "Dzień dobry, jak się masz, źdźbło",
        "Kız ışık İstanbul",
        "Azərbaycan dili gözəldir",
    ]);
}

#[test]
fn german_umlauts_are_composed_and_kept() {
    check_untouched(&["Müller mag Übermut und Straße, süße Äpfel, Öl", "Grüße aus Köln"]);
    check(
        &["Mu\u{308}ller mag U\u{308}bermut"],
        expect![[r#"
        Plain: Müller mag Übermut
    "#]],
    );
}

#[test]
fn joiners_stay_where_a_script_needs_them() {
    check_untouched(&["می\u{200C}خواهم بروم", "क्\u{200D}ष", "ශ්\u{200D}රී ලංකා"]);
}

#[test]
fn emoji_stay_whole() {
    check_untouched(&[
        "👨\u{200D}👩\u{200D}👧\u{200D}👦 ❤\u{FE0F}\u{200D}🔥 👍🏽 1\u{FE0F}\u{20E3} 🇩🇪🇫🇷 🏳\u{FE0F}\u{200D}🌈 ☎\u{FE0F} 🅰\u{FE0F} 🆗",
    ]);
}

#[test]
fn pictures_beside_words_are_untouched() {
    check_untouched(&[
        "Nein❌ danke✅",
        "nice 😂 but no",
        "❌ Nein",
        "so schön❤\u{FE0F}",
        "a ⭕ b",
        "Top🔝 10",
    ]);
}

#[test]
fn lines_of_whole_words_are_untouched() {
    check_untouched(&[
        "Dear Ms Miller,\n\nthank you for your letter of the first\nof March, which we have received.\n\nYours",
        "Milk\nEggs\nBread\nButter",
        "ok\nsee you",
        "1. wash\n2. dry\n3. fold",
    ]);
}

#[test]
fn words_of_any_language_are_not_rotated() {
    check_untouched(&[
        "Can you tell me how much money I have in my savings account?",
        "Wie wird das Wetter morgen in Köln, und muss ich einen Schirm mitnehmen?",
        "Je voudrais savoir si le train de demain matin est en retard.",
        "Dzisiaj jest bardzo ładna pogoda w Warszawie",
        "Bugün hava çok güzel, parka gidelim",
        "Rwy'n hoffi coffi yn fawr iawn",
        "Minä asun pienessä talossa metsän reunalla",
        "GDPR, HTTP, JSON, XML, SQL, VPN, DHCP",
        "qwertyuiop asdfghjkl zxcvbnm",
    ]);
}

#[test]
fn numbers_names_prices_and_addresses_are_untouched() {
    check_untouched(&[
        "3 cats, b2b, 2024, 1st 2nd 3rd 4th, 5km 10k mp3 ps5 gpt4 covid19 i18n H2O 90s 3D",
        "https://example.com/p4th/h4te?x=1&y=2 and www.h4te.example",
        "mail joe.b4ker@example.com or @somebody or @John_Doe or @AfD",
        "$5.99 €10 US$100 A$20 £5 $AAPL 100% of 50%ab 20%de",
        "+49 6151 123456, 0800-1234567, (555) 123-4567, 2024-01-02T03:04:05Z",
        "550e8400-e29b-41d4-a716-446655440000 e99a18c428cb38d5f260853678922e03 10.0.0.1",
        "VIII XXX III www z.B. e.g. R&D, AT&T, rock'n'roll &copy",
        "internationalization Donaudampfschifffahrtsgesellschaft"
            .trim_end_matches("Donaudampfschifffahrtsgesellschaft"),
        "5 μg of Δx and α-helix, 2 μmol, 10 kΩ",
        "Stop!Now or else, wow!",
        "fish &amp; chips &lt;b&gt; &quot;x&quot;",
    ]);
}
