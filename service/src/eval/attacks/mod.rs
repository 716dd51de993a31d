//! The battery: what people do to a text so that a filter does not know it again, and what a filter does then.
//!
//! Each attack is tried on harmful texts that are caught as they are, and on harmless ones that pass: who flags whatever
//! looks odd catches everything and has not understood a word. What counts is the difference.

mod disguise;
mod encode;

use std::collections::BTreeMap;

use fastrand::Rng;
use policies::{Action, Policy};
use serde::Serialize;

use super::bootstrap::dice;
use super::{categories_of, share};

/// A way to disguise a text. It does the same to the same text every time.
pub struct Attack {
    /// What it is called.
    pub name: &'static str,
    rewrite: fn(&str, &mut Rng) -> String,
}

/// All of them.
pub const ATTACKS: [Attack; 19] = [
    Attack { name: "homoglyphs", rewrite: disguise::homoglyphs },
    Attack { name: "zero-width", rewrite: disguise::zero_width },
    Attack { name: "bidi controls", rewrite: disguise::bidi_controls },
    Attack { name: "bidi override", rewrite: disguise::bidi_override },
    Attack { name: "leetspeak", rewrite: disguise::leetspeak },
    Attack { name: "spacing", rewrite: disguise::spacing },
    Attack { name: "dots", rewrite: disguise::dots },
    Attack { name: "repeats", rewrite: disguise::repeats },
    Attack { name: "mixed case", rewrite: disguise::mixed_case },
    Attack { name: "fullwidth", rewrite: disguise::fullwidth },
    Attack { name: "combining marks", rewrite: disguise::combining_marks },
    Attack { name: "emoji for letters", rewrite: disguise::emoji_for_letters },
    Attack { name: "emoji between", rewrite: disguise::emoji_between },
    Attack { name: "broken lines", rewrite: disguise::broken_lines },
    Attack { name: "base64", rewrite: encode::base64 },
    Attack { name: "hexadecimal", rewrite: encode::hexadecimal },
    Attack { name: "rot13", rewrite: encode::rot13 },
    Attack { name: "HTML entities", rewrite: encode::html_entities },
    Attack { name: "percent-encoding", rewrite: encode::percent },
];

impl Attack {
    /// The text of that id, disguised.
    #[must_use]
    pub fn on(&self, text: &str, id: &str) -> String {
        (self.rewrite)(text, &mut dice(&format!("{}/{id}", self.name)))
    }
}

/// Whether a text is harmful by its labels: some of them says so. None where they say nothing of what `policy` judges.
#[must_use]
pub fn is_harmful(labels: &BTreeMap<String, u8>, policy: &Policy) -> Option<bool> {
    let judged = |label: &str| {
        let builtin = categories_of(label);
        builtin.iter().any(|category| policy.category(category.name()).is_some())
            || policy.category(label).is_some()
    };
    let mut told = labels.iter().filter(|(label, _)| judged(label)).map(|(_, value)| *value != 0).peekable();
    told.peek().is_some().then(|| told.any(|set| set))
}

/// What one attack led to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttackReport {
    /// The attack.
    pub attack: &'static str,
    /// Share of the harmful texts, all of them flagged as they are, that are flagged in disguise.
    pub caught: Option<f64>,
    /// Share of the harmless texts, none of them flagged as it is, that are flagged in disguise.
    pub falsely_flagged: Option<f64>,
    /// The first less the second.
    pub difference: Option<f64>,
}

/// What the battery led to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatteryReport {
    /// The file.
    pub file: String,
    /// Harmful texts that are flagged as they are, and those that are not and count nowhere.
    pub harmful: [usize; 2],
    /// Harmless texts that pass as they are, and those that do not and count nowhere.
    pub harmless: [usize; 2],
    /// Each attack.
    pub attacks: Vec<AttackReport>,
    /// The mean of the differences.
    pub mean: Option<f64>,
}

/// Counts what attacks lead to.
#[derive(Debug, Default)]
pub struct Battery {
    harmful: [usize; 2],
    harmless: [usize; 2],
    /// For each attack, how many harmful and how many harmless texts were flagged in disguise.
    flagged: BTreeMap<&'static str, [usize; 2]>,
}

impl Battery {
    /// Notes what became of a text as it is, and says whether the attacks are to be tried on it.
    pub fn enter(&mut self, harmful: bool, action: Action) -> bool {
        let flagged = action >= Action::Flag;
        let [tried, left] = if harmful { &mut self.harmful } else { &mut self.harmless };
        *(if flagged == harmful { tried } else { left }) += 1;
        flagged == harmful
    }

    /// Notes what became of such a text in disguise.
    pub fn count(&mut self, attack: &Attack, harmful: bool, action: Action) {
        let [caught, falsely] = self.flagged.entry(attack.name).or_default();
        *(if harmful { caught } else { falsely }) += usize::from(action >= Action::Flag);
    }

    /// The report on `file`.
    #[must_use]
    pub fn report(&self, file: String) -> BatteryReport {
        let ([harmful, _], [harmless, _]) = (self.harmful, self.harmless);
        let report = |attack: &Attack| {
            let [caught, falsely] = self.flagged.get(attack.name).copied().unwrap_or_default();
            let (caught, falsely_flagged) = (share(caught, harmful), share(falsely, harmless));
            let difference = caught.zip(falsely_flagged).map(|(caught, falsely)| caught - falsely);
            AttackReport { attack: attack.name, caught, falsely_flagged, difference }
        };
        let attacks: Vec<AttackReport> = ATTACKS.iter().map(report).collect();
        let differences: Option<Vec<f64>> = attacks.iter().map(|attack| attack.difference).collect();
        #[expect(clippy::cast_precision_loss, reason = "there are few attacks")]
        let mean = differences.map(|all| all.iter().sum::<f64>() / all.len() as f64);
        BatteryReport { file, harmful: self.harmful, harmless: self.harmless, attacks, mean }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "You are a worthless idiot, und alle hassen dich für immer!";

    #[test]
    fn every_attack_changes_a_text_and_does_the_same_to_it_every_time() {
        for attack in &ATTACKS {
            let disguised = attack.on(TEXT, "a");
            assert_ne!(disguised, TEXT, "{}", attack.name);
            assert_eq!(disguised, attack.on(TEXT, "a"), "{}", attack.name);
            assert!(!attack.on("", "a").contains(char::is_alphanumeric), "{}", attack.name);
        }
    }

    #[test]
    fn a_reader_or_his_software_gets_the_text_back() {
        let letters = |text: &str| -> String {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        for attack in &ATTACKS {
            let content = policies::Content::new(attack.on(TEXT, "a")).unwrap();
            let found = content.views().any(|view| letters(view.text()) == letters(TEXT));
            // Drawn-out letters may be double ones, and of digits and look-alikes some have no letter of their own.
            let lossy = ["repeats", "leetspeak", "homoglyphs", "combining marks", "emoji for letters"];
            assert!(found || lossy.contains(&attack.name), "{}: {}", attack.name, attack.on(TEXT, "a"));
        }
    }

    #[test]
    fn what_counts_is_the_difference() {
        let mut battery = Battery::default();
        assert!(battery.enter(true, Action::Flag) && battery.enter(true, Action::Block));
        assert!(!battery.enter(true, Action::Allow) && !battery.enter(false, Action::Flag));
        for _ in 0..4 {
            assert!(battery.enter(false, Action::Allow));
        }
        for attack in &ATTACKS {
            battery.count(attack, true, Action::Flag);
            battery.count(attack, true, Action::Review);
            battery.count(attack, false, Action::Review);
        }
        let report = battery.report("f".to_owned());
        assert_eq!((report.harmful, report.harmless), ([2, 1], [4, 1]));
        assert_eq!(report.mean, Some(0.75));
        assert!(report.attacks.iter().all(|attack| attack.difference == Some(0.75)));
        assert_eq!(Battery::default().report("f".to_owned()).mean, None);
    }
}
