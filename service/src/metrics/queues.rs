//! The queues before the models, as they are when somebody looks.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntGaugeVec;

use super::Register;

/// How long a queue is, as whoever owns it says.
type Depth = Box<dyn Fn() -> usize + Send + Sync>;

#[derive(Clone)]
pub(super) struct Queues {
    depth: IntGaugeVec,
    watched: Arc<Mutex<Vec<(&'static str, Depth)>>>,
}

impl Queues {
    pub(super) fn new(register: &Register<'_>) -> Result<Self, prometheus::Error> {
        let help = "Calls that wait for a model or are being answered by it.";
        Ok(Self { depth: register.gauges("lamassu_queue_depth", help, &["model"])?, watched: Arc::default() })
    }

    pub(super) fn watch(&self, model: &'static str, depth: Depth) {
        self.watched().push((model, depth));
    }

    /// Looks at each.
    pub(super) fn look(&self) {
        for (model, depth) in self.watched().iter() {
            self.depth.with_label_values(&[model]).set(i64::try_from(depth()).unwrap_or(i64::MAX));
        }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Vec<(&'static str, Depth)>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
