//! What the encoder makes of one text.

use std::sync::Arc;

/// What the encoder makes of one text: both outputs of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// 384 numbers; their length (L2) is 1, so a dot product is a cosine. Texts are compared by it.
    pub vector: Arc<[f32]>,
    /// 384 numbers of mean 0 and variance 1. Texts are classified by it.
    pub reading: Arc<[f32]>,
    /// Whether it was remembered from an earlier call.
    pub cached: bool,
}
