//! Policies whose precedents are the cases that are tried.

use std::sync::Arc;

use plugins::{Resources, builtin, policy_bank};
use policies::{Pipeline, Policy};
use toml::{Table, Value};

use super::{Example, LearningError, WeightsFit};
use crate::models::Models;

/// The category that is learned, which no head knows.
pub(super) const KIND: &str = "learned";

/// A decided case.
#[derive(Clone, Debug)]
pub(super) struct Decided<'a> {
    id: &'a str,
    pub(super) text: &'a str,
    pub(super) harmful: bool,
    pub(super) shuffled: bool,
}

impl<'a> Decided<'a> {
    pub(super) fn of(example: &'a Example, harmful: bool) -> Self {
        Self { id: &example.id, text: &example.text, harmful, shuffled: false }
    }

    pub(super) fn allowed(id: &'a str, text: &'a str) -> Self {
        Self { id, text, harmful: false, shuffled: false }
    }

    fn table(&self) -> Value {
        let mut table = Table::new();
        let mut set = |key: &str, value: Value| table.insert(key.to_owned(), value);
        set("id", format!("case/{}", self.id).into());
        set("text", self.text.into());
        set("language", "und".into());
        set("ruling", if self.harmful { "block" } else { "allow" }.into());
        if self.harmful {
            set("category", KIND.into());
            set("severity", 4.into());
        }
        Value::Table(table)
    }
}

/// A policy that judges the new category by nothing but precedents, which it finds as any policy does that says nothing else.
pub(super) fn learning_policy(bank: &[Decided<'_>], fitted: Option<&WeightsFit>) -> String {
    let weights = fitted.map_or_else(String::new, |fit| {
        format!("agree_from = {}\nagree_full = {}\n", fit.agree_from, fit.agree_full)
    });
    let policy = format!(
        "name = \"learning\"\nversion = \"1\"\nlanguages = [\"en\", \"de\"]\n\
         [thresholds]\nscore = {{ flag = 0.5, review = 0.7, block = 0.9 }}\n\
         severity = {{ flag = 0, review = 0, block = 0 }}\n\
         [[category]]\nname = \"{KIND}\"\ncustom = true\ndefinition = \"What the precedents show.\"\n\
         [[stage]]\nkind = \"retrieve\"\non_fault = \"block\"\n\
         [[stage]]\nkind = \"classify\"\non_fault = \"block\"\n{weights}"
    );
    with_precedents(&policy, bank)
}

/// `policy` with more precedents at its end.
pub(super) fn with_precedents(policy: &str, bank: &[Decided<'_>]) -> String {
    let precedents: Table =
        [("precedent".to_owned(), Value::Array(bank.iter().map(Decided::table).collect()))]
            .into_iter()
            .collect();
    if bank.is_empty() { policy.to_owned() } else { format!("{policy}\n{precedents}") }
}

/// The pipeline of a policy, without a tenant's banks.
pub(super) async fn pipeline(policy: &str, models: &Models) -> Result<Pipeline, LearningError> {
    let policy = Policy::parse(policy)?;
    // The vectors of a trial are nothing to keep.
    let own = policy_bank(&policy, &models.embedder, None).await?;
    let resources = Resources {
        policy: Arc::new(policy),
        embedder: models.embedder.clone(),
        classifier: Arc::clone(&models.classifier),
        banks: vec![own],
        tenant: None,
        llama: models.llama.clone(),
        writer: None,
        judging: None,
    };
    Ok(builtin().pipeline(&resources)?)
}
