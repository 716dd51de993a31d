//! How data are masked: what stands in their place.

use std::sync::Arc;

use serde::Deserialize;

use super::Kind;

/// Stands for the name of the kind in a placeholder.
const KIND: &str = "{kind}";

/// What stands in the place of a datum.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Masking {
    /// These words; `{kind}` in them is the kind's name in capitals: `[{kind}]` gives `[US_SSN]`.
    Placeholder(String),
    /// This character for every letter and digit; signs between them stay: `*` gives `***-**-****`.
    Fill(char),
}

impl Default for Masking {
    fn default() -> Self {
        Self::Placeholder(format!("[{KIND}]"))
    }
}

impl Masking {
    /// What stands in the place of `datum`, which is of `kind`.
    pub(super) fn of(&self, kind: Kind, datum: &str) -> Arc<str> {
        match self {
            Self::Placeholder(words) => {
                let name = kind.name().to_ascii_uppercase().replace('-', "_");
                words.replace(KIND, &name).into()
            }
            Self::Fill(character) => datum
                .chars()
                // Signs of a form say nothing. All else may be a letter in disguise.
                .map(|c| {
                    if matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '+' | '@' | ':') {
                        c
                    } else {
                        *character
                    }
                })
                .collect::<String>()
                .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_names_the_kind_and_a_filling_keeps_the_form() {
        let ssn = "219-09-9998";
        assert_eq!(&*Masking::default().of(Kind::UsSsn, ssn), "[US_SSN]");
        assert_eq!(&*Masking::Placeholder("<{kind}|{kind}>".to_owned()).of(Kind::Ip, ssn), "<IP|IP>");
        assert_eq!(&*Masking::Placeholder(String::new()).of(Kind::Ip, ssn), "");
        assert_eq!(&*Masking::Fill('*').of(Kind::UsSsn, ssn), "***-**-****");
        assert_eq!(&*Masking::Fill('#').of(Kind::Email, "\u{200B}a@b.cd"), "##@#.##");
    }
}
