//! The policy: what is forbidden, how strictly, and which stages find out.

mod check;
mod file;

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use file::{
    Bounds, Case, CategoryRule, Clause, Fault, LanguageLines, Lines, ListSpec, OnlyIf, PrecedentText,
    StageSpec, Thresholds,
};

use crate::{Action, Category, Finding};

/// Why a policy cannot be used. Each is a sentence for the person who wrote it.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The text is not TOML, or holds a key or value that policies do not have.
    #[error("the policy cannot be read: {0}")]
    Unreadable(#[from] toml::de::Error),
    /// The policy contradicts itself; every contradiction is listed.
    #[error("the policy contradicts itself: {}", .0.join("; "))]
    Invalid(Vec<String>),
    /// A blocklist's file could not be read.
    #[error("blocklist `{list}`: `{file}` cannot be read")]
    ListFile {
        /// The blocklist.
        list: String,
        /// The file it names.
        file: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// A policy that has been read and checked.
#[derive(Clone, Debug)]
pub struct Policy {
    written: file::Written,
    digest: Arc<str>,
}

impl Policy {
    /// Reads a policy that names no files.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] says what to change; a list that names a file is one of them.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::parse_with_files(text, |_| {
            Err(std::io::Error::other("this policy was given without a folder to find files in"))
        })
    }

    /// Reads a policy; `read` gives the text of a file that a blocklist names.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] says what to change.
    pub fn parse_with_files(
        text: &str,
        read: impl Fn(&str) -> std::io::Result<String>,
    ) -> Result<Self, PolicyError> {
        let mut canonical: toml::Table = toml::from_str(text)?;
        let mut written: file::Written = toml::from_str(text)?;
        for list in &mut written.blocklist {
            let Some(file) = &list.file else { continue };
            let lines = read(file).map_err(|source| PolicyError::ListFile {
                list: list.name.to_string(),
                file: file.clone(),
                source,
            })?;
            list.terms.extend(lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into));
            canonical.insert(format!("file {file}"), toml::Value::String(lines));
        }
        let faults = check::faults(&written);
        if !faults.is_empty() {
            return Err(PolicyError::Invalid(faults));
        }
        Ok(Self { written, digest: digest(&canonical) })
    }

    /// What may be meant otherwise, though the policy can be used as it is.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        check::warnings(&self.written)
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.written.name
    }

    /// The policy's version, as its author counts.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.written.version
    }

    /// SHA-256 over the canonical form: the same for any order of keys and any comments.
    #[must_use]
    pub fn digest(&self) -> &Arc<str> {
        &self.digest
    }

    /// ISO 639-1 codes of the languages it is written for.
    #[must_use]
    pub fn languages(&self) -> &[String] {
        &self.written.languages
    }

    /// The categories it judges, in the order of the file.
    #[must_use]
    pub fn categories(&self) -> &[CategoryRule] {
        &self.written.category
    }

    /// The clauses it consists of.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.written.clause
    }

    /// The stages, in the order they run.
    #[must_use]
    pub fn stages(&self) -> &[StageSpec] {
        &self.written.stage
    }

    /// The stages that summarize documents, in the order they run.
    #[must_use]
    pub fn summary_stages(&self) -> &[StageSpec] {
        &self.written.summary
    }

    /// The blocklist of that name.
    #[must_use]
    pub fn blocklist(&self, name: &str) -> Option<&ListSpec> {
        self.written.blocklist.iter().find(|list| &*list.name == name)
    }

    /// The names of its blocklists.
    pub fn blocklist_names(&self) -> impl Iterator<Item = &str> {
        self.written.blocklist.iter().map(|list| &*list.name)
    }

    /// The decided cases that come with it.
    #[must_use]
    pub fn precedents(&self) -> &[PrecedentText] {
        &self.written.precedent
    }

    /// Its own tests.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.written.case
    }

    /// The category of that name, if the policy judges it.
    #[must_use]
    pub fn category(&self, name: &str) -> Option<&CategoryRule> {
        self.written.category.iter().find(|rule| rule.name.name() == name)
    }

    /// The lines that findings of `category` in texts of `language`, ISO 639-1, are held against: those for the language,
    /// else the category's, else the policy's.
    #[must_use]
    pub fn lines(&self, category: &Category, language: &str) -> Thresholds {
        let rule = self.written.category.iter().find(|rule| rule.name == *category);
        rule.map_or(self.written.thresholds, |rule| rule.lines(language, self.written.thresholds))
    }

    /// What a finding in a text of `language`, ISO 639-1, asks for: the strictest action whose score line and severity
    /// line it both reaches.
    #[must_use]
    pub fn action_for(&self, finding: &Finding, language: &str) -> Action {
        let Thresholds { score, severity } = self.lines(&finding.category, language);
        let reached = |score_line: f32, severity_line: u8| {
            finding.score.value() >= score_line && finding.severity.value() >= severity_line
        };
        if reached(score.block, severity.block) {
            Action::Block
        } else if reached(score.review, severity.review) {
            Action::Review
        } else if reached(score.flag, severity.flag) {
            Action::Flag
        } else {
            Action::Allow
        }
    }

    /// The score from which on a finding of `category` is flagged in a text of `language`, if the policy judges it.
    #[must_use]
    pub fn flag_line(&self, category: &Category, language: &str) -> Option<f32> {
        let judged = self.written.category.iter().any(|rule| rule.name == *category);
        judged.then(|| self.lines(category, language).score.flag)
    }

    /// Categories that an allow-precedent cannot lift.
    #[must_use]
    pub fn floors(&self) -> BTreeSet<&Category> {
        self.written.category.iter().filter(|rule| rule.floor).map(|rule| &rule.name).collect()
    }
}

/// Keys sorted, comments and layout gone: `toml::Table` keeps its keys in order.
fn digest(canonical: &toml::Table) -> Arc<str> {
    let text = canonical.to_string();
    let hash = Sha256::digest(text.as_bytes());
    data_encoding::HEXLOWER.encode(&hash).into()
}
