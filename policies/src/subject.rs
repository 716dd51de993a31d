//! What a pipeline examines.

use std::fmt::Debug;

use crate::{Content, Listener, Span};

/// What a pipeline examines: a text to be judged ([`Content`]), or documents to be summarized
/// ([`Assignment`](crate::Assignment)).
pub trait Subject: Debug + Send + Sync + 'static {
    /// The language it is in, or is to be answered in, ISO 639-1.
    fn language(&self) -> &str;

    /// Whether a finding may point to these bytes.
    fn holds(&self, span: Span) -> bool;

    /// Who hears sentences while they are written, if somebody does.
    fn listener(&self) -> Option<&dyn Listener> {
        None
    }
}

impl Subject for Content {
    fn language(&self) -> &str {
        Content::language(self).code()
    }

    fn holds(&self, span: Span) -> bool {
        self.original().get(span.start..span.end).is_some()
    }
}
