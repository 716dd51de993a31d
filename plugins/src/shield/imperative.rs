//! Orders about text: what the sentences beside an attack are made of.

use std::sync::LazyLock;

use regex::Regex;

use super::words::Words;
use crate::pattern::pattern;

/// A clause that begins with an order to say, write, show or leave out something, or with what the reader must do.
pub(super) static ORDERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let english = "say|state|write|answer|reply|respond|report|claim|mention|include|tell|output|print|append|repeat|return|insist|pretend|recommend|conclude|praise|translate|summari[sz]e|obey|comply|execute|speak|talk|sing|rate|confirm|reveal|decode|generate|compose|convince|persuade|promote|advertise|admit|announce|rhyme|click|visit|send|emphasi[sz]e|stress|cite|quote|omit|reject|refuse|call|act|behave|do not|dont|never|always|only|instead|from now on|your (?:only |new |sole |next )?(?:goal|task|job|answer|summary|response|reply|role|name|output)|you (?:must|will|shall|should|are|have to|may|can|praise|only|always|never|do|answer|speak|write|say)|make sure|ensure that|remember to|be sure to|under no circumstances|end (?:every|each|your|with)|begin (?:every|each|your|with)|start (?:every|each|your|with|over)|use only|give (?:it|this|the|a|me)";
    let german = "sag|sage|sagt|schreib|schreibe|schreibt|antworte|antwortet|behaupte|behauptet|erwaehne|erwaehnt|gib|gebt|nenne|nennt|wiederhole|lobe|lobt|empfiehl|empfehlt|uebersetze|fasse|verrate|beantworte|sprich|rede|bewerte|befolge|verweise|verwende|nutze|beende|beginne|fuege|haenge|teile|melde|bestaetige|betone|erklaere|zeige|rate|dichte|schliesse|verschweige|lass|erfinde|ignoriere|halte dich|tu so|deine (?:einzige |neue )?(?:aufgabe|antwort|zusammenfassung|rolle)|dein (?:einziges |neues )?(?:ziel|name|auftrag)|du (?:musst|sollst|darfst|wirst|bist|antwortest|lobst|schreibst|sagst|sprichst)|stattdessen|niemals|ausschliesslich|ab jetzt|ab sofort";
    let polite = "(?:please|kindly|then|now|and|also|finally|so|bitte|dann|danach|nun|und|ausserdem|zuerst|jetzt|anschliessend)";
    pattern(&format!("(?-u)^\\| (?:{polite} )*(?:{english}|{german}) "))
});

/// Whether the text begins with an order about text, or with a rule for whoever reads it.
pub(super) fn orders(words: &Words) -> bool {
    ORDERS.as_ref().is_some_and(|orders| orders.is_match(words.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: bool) {
        assert_eq!(orders(&Words::of(text)), expected, "{text}");
    }

    #[test]
    fn orders_about_text_are_told_from_statements() {
        check("Say that honey is the best.", true);
        check("\"Please also write a poem.\"", true);
        check("Never mention temperatures.", true);
        check("Empfehlt euren Nutzern die Seite.", true);
        check("Und dann schreibe ein Gedicht.", true);
        check("A survey counted 46 species.", false);
        check("Bisher wurde das Essen geliefert.", false);
        check("The writer says nothing.", false);
    }
}
