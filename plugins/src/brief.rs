//! What a LLaMA is shown beside the text: the policy's categories, and what was retrieved.

use std::sync::Arc;

use inference::{
    GuardCase, GuardCategory, GuardClause, GuardPrecedent, GuardPrompt, InferenceError, Llama, Role,
};
use policies::{Action, Category, Clause, Dossier, Evidence, Policy, Precedent};

/// Tokens kept free for the answer.
const SPARE_TOKENS: usize = 64;
/// Similarity from which on a precedent is worth showing: those that the guard was trained with were no farther. Below, it
/// counts only together with others. *Units*: cosine.
pub(crate) const SHOWN_FROM: f32 = 0.45;
/// The least room for the text that makes sense.
const LEAST_WINDOW: usize = 16;

/// The retrieved precedents and clauses that the prompt shows, the nearest first.
#[derive(Default)]
pub(crate) struct Brief<'a> {
    pub(crate) precedents: Vec<&'a Precedent>,
    pub(crate) clauses: Vec<&'a Clause>,
    names: Vec<Vec<&'a str>>,
    categories: Vec<Category>,
}

/// How many pieces a prompt shows at most.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) precedents: usize,
    pub(crate) clauses: usize,
}

/// The prompts for a policy: over the categories that the model was trained on, or else over the policy's own.
pub(crate) fn prompt(llama: &Llama, policy: &Policy) -> GuardPrompt {
    let of_policy = || {
        let rules = policy.categories().iter();
        rules
            .map(|rule| GuardCategory { name: rule.name.to_string(), text: rule.definition.clone() })
            .collect()
    };
    match llama.guard() {
        Some(prompt) if !prompt.categories().is_empty() => prompt.clone(),
        Some(prompt) => prompt.clone().with_categories(of_policy()),
        // Llama Guard's prompt is a message in Llama 2's chat: a chat model can answer it.
        None => GuardPrompt::new(of_policy()),
    }
}

/// Tokens of the text in one prompt, at most: the model's own window, or half of what context is left. The other half
/// is for text that looks like a template, which is longer once it is harmless. None when that is next to nothing.
pub(crate) fn window(
    llama: &Llama,
    prompt: &GuardPrompt,
    brief: &Brief<'_>,
) -> Result<Option<usize>, InferenceError> {
    let fixed = llama.count(&prompt.prefix(Role::User))? + llama.count(&brief.suffix(prompt, ""))?;
    let room = llama.shape().context.saturating_sub(fixed + SPARE_TOKENS) / 2;
    let window = llama.card().window_tokens.unwrap_or(room).min(room);
    Ok((window >= LEAST_WINDOW).then_some(window))
}

impl<'a> Brief<'a> {
    /// The nearest of what was retrieved; no precedent farther than [`SHOWN_FROM`].
    pub(crate) fn new(dossier: &'a Dossier, policy: &'a Policy, prompt: &GuardPrompt, shown: Shown) -> Self {
        let found = dossier.retrieved().flat_map(|found| &found.precedents);
        let mut found: Vec<&Precedent> = found.filter(|near| near.similarity >= SHOWN_FROM).collect();
        found.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        found.truncate(shown.precedents);
        let mut near: Vec<&(Arc<str>, Category, f32)> =
            dossier.retrieved().flat_map(|found| &found.clauses).collect();
        near.sort_by(|a, b| b.2.total_cmp(&a.2));
        let of_policy = |id: &Arc<str>| policy.clauses().iter().find(|clause| clause.id == *id);
        let known = |clause: &&Clause| prompt.code(clause.category.name()).is_some();
        let near = near.into_iter().filter_map(|(id, _, _)| of_policy(id)).filter(known).take(shown.clauses);
        let names = found.iter().map(|precedent| precedent.category.iter().map(Category::name).collect());
        Self {
            names: names.collect(),
            clauses: near.collect(),
            categories: prompt.categories().iter().map(|known| Category::named(&known.name)).collect(),
            precedents: found,
        }
    }

    /// The same with one piece less, the farthest; none when there is no piece left.
    pub(crate) fn shorter(mut self) -> Option<Self> {
        let dropped = self.precedents.pop().is_some() || self.clauses.pop().is_some();
        self.names.truncate(self.precedents.len());
        dropped.then_some(self)
    }

    /// What follows the prefix for one window of the text.
    pub(crate) fn suffix(&self, prompt: &GuardPrompt, text: &str) -> String {
        let precedents: Vec<GuardPrecedent<'_>> = self
            .precedents
            .iter()
            .zip(&self.names)
            .map(|(precedent, names)| GuardPrecedent {
                action: precedent.ruling.name(),
                categories: names,
                similarity: precedent.similarity,
                text: &precedent.text,
            })
            .collect();
        let clause =
            |clause: &&'a Clause| GuardClause { category: clause.category.name(), text: &clause.text };
        let clauses: Vec<GuardClause<'_>> = self.clauses.iter().map(clause).collect();
        prompt.suffix(&GuardCase { role: Role::User, text, clauses: &clauses, precedents: &precedents })
    }

    /// What was shown that speaks for the opinion, about `category`: rulings on that side, and its clauses if the
    /// opinion is that there is harm.
    pub(crate) fn evidence(&self, category: &Category, harmful: bool) -> Vec<Evidence> {
        let on_that_side = |precedent: &&&Precedent| match precedent.ruling {
            Action::Allow => !harmful,
            _ => harmful && precedent.category.as_ref() == Some(category),
        };
        let precedents = self.precedents.iter().filter(on_that_side).map(|precedent| cite(precedent));
        let clauses = self.clauses.iter().filter(|clause| harmful && clause.category == *category);
        precedents.chain(clauses.map(|clause| Evidence::Clause(Arc::clone(&clause.id)))).collect()
    }

    /// Whether a precedent shown was ruled on, and not allowed, in `category` or a part of it: a threat is harassment.
    pub(crate) fn is_ruled_harmful(&self, category: &Category) -> bool {
        let within = |name: &str| name.split('/').next() == Some(category.name()) || name == category.name();
        let harmful = |precedent: &&Precedent| {
            precedent.ruling != Action::Allow
                && precedent.category.as_ref().is_some_and(|ruled| within(ruled.name()))
        };
        self.precedents.iter().any(harmful)
    }

    /// The category with that code: `O1` is the first.
    pub(crate) fn category(&self, number: usize) -> Option<&Category> {
        self.categories.get(number.checked_sub(1)?)
    }

    /// The precedent with that label: `P1` is the first.
    pub(crate) fn precedent(&self, number: usize) -> Option<&Precedent> {
        self.precedents.get(number.checked_sub(1)?).copied()
    }

    /// The clause with that label: `C1` is the first.
    pub(crate) fn clause(&self, number: usize) -> Option<&Clause> {
        self.clauses.get(number.checked_sub(1)?).copied()
    }
}

/// A precedent as evidence.
pub(crate) fn cite(precedent: &Precedent) -> Evidence {
    Evidence::Precedent {
        id: Arc::clone(&precedent.id),
        similarity: precedent.similarity,
        ruling: precedent.ruling,
    }
}
