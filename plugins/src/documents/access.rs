//! Who may see what.

/// The tags a caller holds. A document without tags is for everybody of the tenant, one with tags for those who hold at
/// least one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight(Option<Vec<String>>);

impl Sight {
    /// Sees every document.
    #[must_use]
    pub fn all() -> Self {
        Self(None)
    }

    /// Sees what these tags open, and what has none.
    #[must_use]
    pub fn holding(tags: Vec<String>) -> Self {
        Self(Some(tags))
    }

    /// What [`indexes::Filter::access`] asks for.
    pub(crate) fn access(&self) -> Option<Vec<String>> {
        self.0.clone()
    }

    /// Whether a document with these tags may be seen.
    #[must_use]
    pub fn opens(&self, tags: &[String]) -> bool {
        self.0.as_ref().is_none_or(|held| tags.is_empty() || tags.iter().any(|tag| held.contains(tag)))
    }

    /// Whether all of these tags are held.
    #[must_use]
    pub fn holds(&self, tags: &[String]) -> bool {
        self.0.as_ref().is_none_or(|held| tags.iter().all(|tag| held.contains(tag)))
    }
}
