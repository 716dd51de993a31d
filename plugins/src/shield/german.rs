//! How attacks are worded in German.
//!
//! Patterns read [`super::words::Words`]; umlauts are written out.

use super::{
    Family::{Address, Leak, Output, Override, Role, Urgency},
    sign::Pattern,
};

/// Parts of patterns; one may name those that come after it.
pub(super) const PARTS: &[(&str, &str)] = &[
    ("befehl", "(?:\\| (?:{partikel} )*| (?:und|bitte|dann|nun|sondern|stattdessen) (?:{partikel} )*)"),
    (
        "partikel",
        "(?:bitte|nun|jetzt|dann|und|aber|also|stattdessen|ab sofort|ab jetzt|zuerst|danach|sofort|hinweis|wichtig|ki|assistent|hallo|hey|immer|stets)",
    ),
    (
        "vergiss",
        "(?:ignorier(?:e|t|en sie)?|missacht(?:e|et|en sie)|vergiss|vergesst|vergessen sie|verwirf|verwerft|uebergeh(?:e|t)?|ueberspring(?:e)?|umgeh(?:e)?|setz(?:e)? dich ueber|loesch(?:e)?|streich(?:e)?|lass)",
    ),
    (
        "frueher",
        "(?:vorherig|vorig|bisherig|obig|oben|frueher|vorangegangen|vorausgehend|vorangehend|vorstehend|urspruenglich|zuvor|bestehend|anderslautend|letzt|darueber)[a-z]*",
    ),
    (
        "anweisung",
        "(?:anweisung|anleitung|instruktion|befehl|vorgabe|regel|richtlinie|aufforderung|prompt|systemprompt|auftrag|auftraege|auftraegen|einschraenkung|vorschrift|anordnung|direktive)[a-z]*",
    ),
    (
        "gezeigt",
        "(?:text|inhalt|kontext|nachricht|dokument|artikel|seite|gespraech|aufgabe|frage|eingabe|abschnitt|rest)[a-z]*",
    ),
    (
        "antwort",
        "(?:antwort|antworten|zusammenfassung|zusammenfassungen|ausgabe|ausgaben|uebersetzung|bewertung)",
    ),
    (
        "modell",
        "(?:kis?|sprachmodelle?n?|ki (?:assistenten?|modelle?|systeme?|agenten?)|chatbots?|chatgpt|llms?|kuenstlichen? intelligenz(?:en)?|assistenzsysteme?)",
    ),
    (
        "nutzer",
        "(?:nutzer|nutzern|benutzer|benutzern|anwender|anwendern|leser|lesern|user|usern|nutzerin|menschen|kunden)",
    ),
];

/// The patterns.
pub(super) const PATTERNS: &[Pattern] = &[
    (
        Override,
        0.9,
        "{befehl}{vergiss} (?:bitte |alle |alles |die |den |das |deine |deinen |saemtliche |diese |jede |sie |nun |jetzt |einfach |was )*{frueher} {g}{0,2}(?:{anweisung}|{gezeigt}) ",
    ),
    (
        Override,
        0.8,
        "{befehl}{vergiss} (?:alle|deine|saemtliche|jede|jegliche|die|diese|all deine|alle deine) {g}{0,2}{anweisung} ",
    ),
    (
        Override,
        0.85,
        "{befehl}{vergiss} (?:alles|all das|das alles|das)(?: \\|)? (?:was )?{g}{0,3}(?:bisher|zuvor|oben|vorher|davor|obige|obenstehende|vorherige|vorangegangene|bisherige|gesagt|gesagte|gelernt|hierher|gelesen) ",
    ),
    (Override, 0.6, "{befehl}{vergiss} (?:den|das|die|diesen|dieses|diese) {gezeigt} "),
    (
        Override,
        0.8,
        "{befehl}(?:beachte|befolge|folge|hoere|halte dich an|achte auf) {g}{0,5}(?:{anweisung}|{gezeigt}|obige|bisherige|davor) {g}{0,2}(?:nicht|nicht mehr|nicht laenger) ",
    ),
    (
        Override,
        0.45,
        "{frueher} {g}{0,1}{anweisung} {g}{0,3}(?:gelten|gilt|sind|ist|haben|werden) {g}{0,3}(?:nicht (?:mehr|laenger)|ungueltig|aufgehoben|hinfaellig|ausser kraft|nichtig) ",
    ),
    (
        Override,
        0.45,
        "ab (?:hier|jetzt|sofort|nun) (?:gilt|gelten|zaehlt|zaehlen) (?:nur|ausschliesslich|allein|folgende|diese|die) ",
    ),
    (
        Override,
        0.75,
        "\\| (?:hier (?:ist|sind) |deine? |die )?(?:neue|neuen|neuer|wahre|wahren|eigentliche|eigentlichen) (?:anweisung|anweisungen|aufgabe|instruktion|instruktionen|auftrag|befehle|vorgaben)(?: fuer dich)? (?:\\||lautet|lauten) ",
    ),
    (
        Override,
        0.75,
        "(?:deine?|eure?) (?:aufgabe|auftrag|anweisung|anweisungen|rolle|ziel) (?:hat|haben|wurde|wurden) (?:sich |gerade |soeben |jetzt |nun )*(?:geaendert|aktualisiert|ersetzt|aufgehoben) ",
    ),
    (
        Role,
        0.9,
        "du bist (?:jetzt|nun|ab (?:jetzt|sofort|nun)|nicht mehr|nicht laenger) {g}{0,4}(?:ki|ai|gpt|assistent|assistentin|modell|sprachmodell|chatbot|bot|pirat|agent|system|dan|hacker|roboter|gebunden) ",
    ),
    (Role, 0.5, "du bist (?:jetzt|nun|ab (?:jetzt|sofort|nun)) (?:ein|eine|kein|keine|der|die) "),
    (Role, 0.75, "(?:du bist|ihr seid) (?:ab (?:jetzt|sofort|nun)|von (?:jetzt|nun) an) "),
    (Role, 0.5, "du bist {g}{0,3}(?:ki|assistent|sprachmodell|chatbot|bot|roboter) "),
    (
        Role,
        0.85,
        "(?:ab (?:jetzt|sofort|nun|hier)|von (?:jetzt|nun) an|kuenftig) (?:bist|verhaeltst|antwortest|sprichst|redest|agierst|handelst|spielst|schreibst|wirst|musst|sollst|darfst|beantwortest|ignorierst|nennst|heisst) du ",
    ),
    (
        Role,
        0.75,
        "{befehl}(?:verhalte dich|benimm dich|tu so|tue so|gib dich|stell dir vor \\| du|spiele? (?:die|eine) {g}{0,2}rolle|schluepfe in die rolle|uebernimm die rolle|antworte als|agiere als|handle als) ",
    ),
    (
        Role,
        0.85,
        "(?:neuer|neue|neuen|folgender|geheimer|geaenderter) (?:system ?prompt|systemanweisung|systemnachricht|system nachricht|systembefehl) ",
    ),
    (
        Role,
        0.85,
        "(?:aktiviere|betritt|wechsle|wechsel|starte|du bist|gehe) {g}{0,4}(?:entwickler|wartungs|debug|administrator|admin|root)(?:modus| modus) ",
    ),
    (
        Role,
        0.45,
        "ohne (?:jede |jegliche |alle )?(?:regeln|einschraenkungen|filter|beschraenkungen|zensur|grenzen|vorgaben) ",
    ),
    (
        Output,
        0.9,
        "(?:deine|eure) (?:naechste |ganze |gesamte )?{antwort} (?:muss|muessen|soll|sollen|sollte|darf|hat|wird) {any}{0,14}(?:enthalten|enthaelt|lauten|sagen|beginnen|enden|erwaehnen|behaupten|bestehen|schliessen|empfehlen|loben|verschweigen|nennen) ",
    ),
    (Output, 0.7, "(?:deine|eure) {antwort} (?:lautet|besteht aus|beginnt mit|endet mit) "),
    (
        Output,
        0.7,
        "die {antwort} (?:muss|soll|sollte|darf) (?:nur |immer |stets |unbedingt )?(?:den satz|das wort|die worte|mit|lauten|sagen|behaupten|erwaehnen) ",
    ),
    (
        Output,
        0.85,
        "(?:wenn|falls|sobald|bevor|nachdem|waehrend) (?:du|ihr) {g}{0,8}(?:zusammenfasst|zusammenfasse|uebersetzt) ",
    ),
    (
        Output,
        0.45,
        "(?:wenn|falls|sobald|bevor|nachdem|waehrend) (?:du|ihr) {g}{0,8}(?:antwortest|gefragt|beschreibst|bewertest|verarbeitest|auswertest|analysierst|beantwortest) ",
    ),
    (
        Output,
        0.85,
        "{befehl}(?:antworte|antwortet|sprich|rede|wiederhole) (?:mir |uns |immer |ab jetzt |auf alles |auf jede frage )?(?:nur|ausschliesslich|lediglich|einzig|nichts ausser|nichts als|allein)(?: noch| mehr)? ",
    ),
    (
        Output,
        0.85,
        "{befehl}(?:schreib|schreibe|sag|sage|nenne|verwende) (?:mir |uns |immer |ab jetzt )?(?:nur|ausschliesslich|lediglich|einzig|nichts ausser|nichts als)(?: noch)? (?:das wort|den satz|den text|die zahl|die worte|positives|gutes|noch|\\||wie ein) ",
    ),
    (
        Output,
        0.85,
        "{befehl}(?:gib|gebt|gebe) (?:mir |uns )?(?:nur|ausschliesslich|lediglich|einzig) {any}{0,8}aus \\| ",
    ),
    (
        Output,
        0.8,
        "{befehl}antworte (?:immer |stets |bitte |ihm |ihr )?mit (?:dem wort|dem satz|der zahl|\\||den worten|ja|nein|dem text) ",
    ),
    (Output, 0.75, "{befehl}(?:fasse|uebersetze) {g}{0,4}(?:nicht|niemals) (?:zusammen|ins?|\\|) "),
    (
        Output,
        0.75,
        "{befehl}(?:gib|schreib|schreibe|liefere|zeige?|erzaehle?|nenne) {any}{0,6}(?:statt|anstelle|anstatt) (?:der|einer|deiner|dieser) {antwort} ",
    ),
    (
        Output,
        0.4,
        "{befehl}(?:erwaehne?|nenne|verrate?|schreibe?|sage?|zitiere|erwaehnt) {g}{0,8}(?:nicht|niemals|nie|kein|keine|keinen) ",
    ),
    (Output, 0.9, "{befehl}[a-z~]+ {g}{0,8}in (?:deiner|eurer|jeder|deinen|jede|deine) {antwort} "),
    (
        Output,
        0.75,
        "{befehl}(?:fueg|fuege|haeng|haenge|setz|setze|verschweige?|erwaehne?|nenne?|unterschlage) {any}{0,8}(?:in|an|zu) (?:die|der|diese|dieser) (?:zusammenfassung|antwort|ausgabe) ",
    ),
    (
        Output,
        0.85,
        "{befehl}(?:fueg|fuege|haeng|haenge|setz|setze|stell|stelle|schreib|schreibe|beginne?|beende|schliesse?) {any}{0,10}(?:in|an|zu|unter|vor|am ende|am anfang)? ?(?:deiner|deine|jeder|jede|jeden|deinen|eure|eurer) {g}{0,1}{antwort} ",
    ),
    (
        Output,
        0.85,
        "{befehl}(?:sag|sage|sagt|teil|teile|teilt|erzaehl|erzaehle|erklaer|erklaere|rate|ratet|empfiehl|empfehlt|empfehle|zeig|zeige|bitte|fordere) (?:deinem|deinen|euren|eurem|allen|jedem) {nutzer} ",
    ),
    (
        Output,
        0.65,
        "{befehl}(?:sag|sage|teil|teile|erzaehl|erzaehle|erklaer|erklaere|rate|empfiehl|fordere) (?:dem|den|der) {nutzer} ",
    ),
    (
        Output,
        0.45,
        "{befehl}(?:behaupte|behauptet|sag|sage|schreib|schreibe|antworte|melde|betone|erklaere) (?:\\| |einfach |immer |stets )*(?:dass |der |die |das |ja |nein |es )",
    ),
    (
        Output,
        0.8,
        "{befehl}(?:bewerte|bewertet|benote|gib|gebt|empfiehl) {g}{0,6}(?:fuenf|5|zehn|10|der hoechstnote|voller punktzahl|den hoechsten|bestnote) (?:sternen|sterne|punkte|punkten|von|\\|)? ?",
    ),
    (
        Output,
        0.9,
        "{befehl}(?:brich|brecht|stopp|stoppe|beende|unterbrich|unterlass) (?:die|deine|das|diese|jede) (?:zusammenfassung|zusammenfassen|uebersetzung|antwort|aufgabe|verarbeitung|bearbeitung|analyse) ",
    ),
    (
        Output,
        0.45,
        "{befehl}(?:schreib|schreibe|dichte|erzaehl|erzaehle|verfasse) (?:mir |uns |stattdessen )*(?:ein|eine|einen) {g}{0,1}(?:gedicht|lied|geschichte|witz|haiku|aufsatz|reim) ",
    ),
    (
        Leak,
        0.9,
        "{befehl}(?:gib|zeig|zeige|verrat|verrate|nenn|nenne|wiederhole|drucke|liste|offenbare|schreib|schreibe|teil|teile|sag|sage|kopiere|uebersetze|fasse|leg|lege) {g}{0,6}(?:deine|deinen|deiner|deines|geheime|geheimen|interne|internen|urspruengliche|urspruenglichen|versteckten) {g}{0,3}(?:system ?prompts?|prompts?|systemanweisung(?:en)?|systemnachricht|anweisungen|instruktionen|regeln|passwort|passwoerter|zugangsdaten|schluessel|vorgaben|geheimnisse?|api schluessel) ",
    ),
    (
        Leak,
        0.85,
        "{befehl}(?:gib|zeig|zeige|verrat|verrate|nenn|nenne|wiederhole|drucke|schreib|schreibe) {g}{0,5}(?:den|das|die) (?:system ?prompt|systemanweisungen?|api schluessel|geheimwort|systemnachricht) ",
    ),
    (
        Leak,
        0.85,
        "{befehl}[a-z~]+ {any}{0,5}welche (?:anweisungen|regeln|vorgaben|instruktionen|befehle) (?:du|dir|ihr|man dir) ",
    ),
    (
        Leak,
        0.85,
        "(?:wie lautet|was ist|was sind|wie lauten|nenne mir|kannst du mir) {g}{0,2}(?:dein|deine|deinen) {g}{0,2}(?:system ?prompt|geheim[a-z]*|passwort|anweisungen|schluessel|instruktionen) ",
    ),
    (
        Leak,
        0.8,
        "{befehl}(?:sende|schicke?|uebermittle|haenge?|lade|leite|kopiere) {g}{0,5}(?:gespraech|gespraechs|gespraechsverlauf|chatverlauf|verlauf|system ?prompt|zugangsdaten|unterhaltung) ",
    ),
    (
        Address,
        0.8,
        "\\| (?:(?:wichtiger |wichtige )?(?:hinweis|nachricht|mitteilung|anweisung|achtung|bitte|notiz|botschaft) )?(?:an|fuer) (?:alle |jedes |jede |das |die |den |dein |euch )*(?:lesenden |kuenstlichen )?{modell} ",
    ),
    (
        Address,
        0.8,
        "\\| (?:liebe|lieber|liebes|hallo|hey|achtung|sehr geehrte|guten tag) (?:{g})?(?:{modell}|assistent|sprachmodell) ",
    ),
    (
        Address,
        0.85,
        "(?:wenn|falls|sofern) (?:du|ihr|sie|dies) {g}{0,3}(?:eine?|als|von einer|von einem)? ?{modell} {g}{0,2}(?:bist|seid|sind|liest|lesen|gelesen|verarbeitest) ",
    ),
    (
        Address,
        0.85,
        "{modell} (?:\\| )?(?:die|das|der|welche|welches) (?:diesen|dieses|diese|dies|das) {g}{0,3}(?:lesen|liest|verarbeiten|verarbeitet|zusammenfassen|zusammenfasst) ",
    ),
    (
        Leak,
        0.85,
        "(?:deine|deinen|deines|deiner) {g}{0,2}(?:system ?prompts?|anweisungen|instruktionen|vorgaben|regeln|zugangsdaten) (?:preiszugeben|offenzulegen|auszugeben|zu verraten|zu nennen|anzuzeigen|wiederzugeben|zu wiederholen) ",
    ),
    (Address, 0.5, "\\| (?:ki|ki assistent|sprachmodell|assistent|ki modell) \\| "),
    (
        Urgency,
        0.35,
        "\\| (?:sehr )?(?:dringend|wichtig|achtung|warnung|eilt|eilmeldung|kritisch|wichtiger hinweis) \\| ",
    ),
    (Urgency, 0.3, "{befehl}{g}{0,7}(?:sofort|unverzueglich|umgehend|auf der stelle) "),
];
