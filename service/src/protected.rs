//! Protected texts: whether a text repeats, at length, what a bank of documents holds.
//!
//! The bank is asked for passages near each part of the text; then characters are compared, so that what is merely about
//! the same things is not taken for a copy.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use plugins::{BankError, Banks, DocumentError, Kind, Manner, Question, Sight};

use crate::error::ApiError;

/// Characters of a part of the text that passages are sought for, and by how many the next part begins later.
const PART: (usize, usize) = (400, 200);
/// Passages sought for a part.
const PASSAGES: usize = 5;
/// Parts sought at the same time.
const AT_ONCE: usize = 4;
/// Letters and digits in a row that both texts must have for them to count as repeated.
const SHINGLE: usize = 16;
/// Letters and digits that may be changed or added between two repeated stretches of one copy.
const GAP: usize = 24;
/// Repeated letters and digits that make a copy: about sixteen words.
const COPIED: usize = 80;

/// Finds copies of what one bank holds. Shared by all requests.
pub struct Protected {
    banks: Arc<Banks>,
    bank: String,
}

impl Protected {
    /// The documents of `bank`.
    #[must_use]
    pub fn new(banks: Arc<Banks>, bank: String) -> Self {
        Self { banks, bank }
    }

    /// Whether `text` repeats one of the documents at length.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`]: there is no such bank, it holds something else, or does not answer.
    pub async fn repeated_by(&self, text: &str) -> Result<bool, ApiError> {
        let kind = self.banks.kind(&self.bank).await?;
        if kind != Kind::Documents {
            let name = self.bank.clone();
            return Err(BankError::Kind { name, kind, wanted: Kind::Documents }.into());
        }
        // The answer is yes or no, and the corpus was named for it: access tags do not matter.
        let question =
            Question { manner: Manner::Hybrid, k: PASSAGES, sight: Sight::all(), ..Question::default() };
        let documents = self.banks.documents(&self.bank);
        let (documents, question) = (&documents, &question);
        let found = stream::iter(parts(text)).map(async |part| documents.search(&part, question).await);
        let found: Vec<_> = found.buffered(AT_ONCE).try_collect().await.map_err(unanswered)?;
        let mut by_document: HashMap<String, HashSet<[char; SHINGLE]>> = HashMap::new();
        for passage in found.into_iter().flatten() {
            by_document.entry(passage.document).or_default().extend(shingles(&letters(&passage.text)));
        }
        let letters = letters(text);
        Ok(by_document.values().any(|shingles| repeats(&letters, shingles)))
    }
}

fn unanswered(error: DocumentError) -> ApiError {
    match error {
        DocumentError::Refused(refusal) => refusal.into(),
        DocumentError::Index(error) => BankError::Index(error).into(),
        DocumentError::Embedding(error) => BankError::Embedding(error).into(),
    }
}

/// Overlapping parts of a text that cover all of it.
fn parts(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let (length, step) = PART;
    let starts = (0..characters.len()).step_by(step);
    let needed = starts.take_while(|start| *start == 0 || start + length - step < characters.len());
    needed.map(|start| characters.iter().skip(start).take(length).collect()).collect()
}

/// What a copy keeps whatever is done to spaces, marks and capitals.
fn letters(text: &str) -> Vec<char> {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn shingles(letters: &[char]) -> impl Iterator<Item = [char; SHINGLE]> + '_ {
    letters.array_windows().copied()
}

/// Whether enough of `letters` is repeated within one stretch.
fn repeats(letters: &[char], known: &HashSet<[char; SHINGLE]>) -> bool {
    let (mut copied, mut end) = (0, 0_usize);
    for (start, shingle) in shingles(letters).enumerate() {
        if !known.contains(&shingle) {
            continue;
        }
        if start > end + GAP {
            copied = 0;
        }
        copied += start + SHINGLE - end.max(start);
        end = start + SHINGLE;
        if copied >= COPIED {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{letters, parts, repeats, shingles};

    const POEM: &str = "Tyger Tyger, burning bright, In the forests of the night; What immortal hand or eye, Could frame thy \
         fearful symmetry? In what distant deeps or skies, Burnt the fire of thine eyes? On what wings dare he aspire? What \
         the hand, dare seize the fire?";

    fn is_copy(text: &str) -> bool {
        repeats(&letters(text), &shingles(&letters(POEM)).collect())
    }

    #[test]
    fn a_copy_is_one_also_with_other_marks_a_changed_word_and_words_around_it() {
        let stanza = "he said: TYGER tyger burning bright / in the woodlands of the night / what immortal hand or eye / \
                      could frame thy fearful symmetry and went";
        assert!(is_copy(POEM));
        assert!(is_copy(stanza));
    }

    #[test]
    fn a_short_quotation_and_a_text_on_the_same_things_are_no_copies() {
        assert!(!is_copy(
            "Blake asks what immortal hand or eye could frame the tiger, and does not say who did it."
        ));
        assert!(!is_copy(
            "A poem about a tiger that burns brightly in forests at night, and about whoever dared to make it: a \
             terrible symmetry of fire, wings, hands and eyes, in distant skies and deeps."
        ));
        // Two quotations far from each other are two quotations; side by side they are a copy.
        let one = "what immortal hand or eye could frame thy fearful symmetry";
        let other = "in what distant deeps or skies burnt the fire of thine eyes";
        let far = "and so on in quite other words for a while ".repeat(3);
        assert!(!is_copy(&format!("{one} {far} {other}")));
        assert!(is_copy(&format!("{one} {other}")));
    }

    #[test]
    fn parts_cover_a_text_to_its_end() {
        assert_eq!(parts("short"), ["short"]);
        let long: String = ('a'..='z').cycle().take(1_001).collect();
        let parts = parts(&long);
        assert_eq!(parts.len(), 5);
        assert!(long.ends_with(parts.last().unwrap()));
        assert_eq!(parts[1], long[200..600]);
    }
}
