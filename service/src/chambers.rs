//! The policies in force, each with what it is judged and summarized by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use policies::{Assignment, Category, Pipeline};

use crate::error::ApiError;

/// One policy at work.
#[derive(Clone)]
pub struct Chamber {
    /// Judges texts.
    pub judging: Arc<Pipeline>,
    /// Summarizes documents, if the policy has stages for that.
    pub summarizing: Option<Arc<Pipeline<Assignment>>>,
}

/// Chambers by the names of their policies.
pub type ByName = BTreeMap<String, Chamber>;

/// The policies in force. Shared by all requests.
pub struct Chambers {
    by_name: ArcSwap<ByName>,
    default: String,
}

impl Chambers {
    /// Chambers by policy name; `default` is one of the names.
    #[must_use]
    pub fn new(by_name: ByName, default: String) -> Self {
        Self { by_name: ArcSwap::from_pointee(by_name), default }
    }

    /// Puts others in force, all at once: a request is answered by the old ones or the new ones whole.
    pub fn replace(&self, by_name: ByName) {
        self.by_name.store(Arc::new(by_name));
    }

    /// The chamber of a policy; of the default policy unless one is named.
    ///
    /// # Errors
    ///
    /// [`ApiError::UnknownPolicy`].
    pub fn of(&self, policy: Option<&str>) -> Result<Chamber, ApiError> {
        let name = policy.unwrap_or(&self.default);
        let by_name = self.by_name.load();
        by_name.get(name).cloned().ok_or_else(|| ApiError::UnknownPolicy {
            name: name.to_owned(),
            known: by_name.keys().cloned().collect(),
        })
    }

    /// The policies in force, each with its digest.
    #[must_use]
    pub fn digests(&self) -> Vec<(String, String)> {
        let by_name = self.by_name.load();
        let digest = |chamber: &Chamber| chamber.judging.policy().digest().to_string();
        by_name.iter().map(|(name, chamber)| (name.clone(), digest(chamber))).collect()
    }

    /// Categories that are a floor in at least one of the policies in force.
    #[must_use]
    pub fn floors(&self) -> BTreeSet<Category> {
        let by_name = self.by_name.load();
        let policies = by_name.values().map(|chamber| chamber.judging.policy());
        policies.flat_map(|policy| policy.floors().into_iter().cloned().collect::<Vec<_>>()).collect()
    }
}
