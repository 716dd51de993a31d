//! The file and the memory of all tenants, kept in step.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::file::{About, BankFile, Source};
use super::lock::Lock;
use super::shelf::{Entry, Quantized, Shelf, Slot};
use super::sieve::{Sieve, Symbols};
use super::tables::Tables;
use super::write::Queue;
use crate::{Filter, IndexError};

/// One file and what memory holds of it.
pub(super) struct Store {
    pub(super) source: Source,
    pub(super) about: About,
    /// Changes that wait for the writer.
    pub(super) queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    /// Locked only for as long as it takes to copy or replace the pointer, so readers never wait for a disk.
    state: RwLock<Arc<State>>,
    /// Last, so that the file is closed before others may open it.
    _lock: Option<Lock>,
}

/// What only writers need; one of them at a time.
pub(super) struct Writer {
    /// `None` after a failure that reopening did not mend.
    pub(super) file: Option<BankFile>,
    pub(super) ledgers: HashMap<Arc<str>, Ledger>,
}

/// Which slot of a tenant's shelf each row is in.
#[derive(Default)]
pub(super) struct Ledger {
    slots: HashMap<Arc<str>, usize>,
    free: Vec<usize>,
}

/// What a reader sees: the file and all shelves at the same moment.
pub(super) struct State {
    /// `None` while the file cannot be read.
    pub(super) tables: Option<Arc<Tables>>,
    pub(super) tenants: HashMap<Arc<str>, Tenant>,
}

/// What memory holds of one tenant.
#[derive(Clone)]
pub(super) struct Tenant {
    pub(super) shelf: Shelf,
    pub(super) symbols: Arc<Symbols>,
}

impl Tenant {
    /// The rows a filter admits.
    pub(super) fn admitted(&self, filter: &Filter) -> impl Iterator<Item = Slot<'_>> {
        let sieve = Sieve::new(filter, &self.symbols);
        sieve.into_iter().flat_map(|sieve| self.shelf.iter().filter(move |slot| sieve.passes(slot.entry)))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("file", &self.source.path())
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

impl Store {
    pub(super) fn open(source: Source, dimension: usize, encoder_digest: &str) -> Result<Self, IndexError> {
        let about = About { dimension, encoder_digest: encoder_digest.to_owned() };
        let lock = source.lock()?;
        let file = BankFile::open(&source, &about)?;
        let tables = Some(Arc::new(file.tables(&source)?));
        Ok(Self {
            queue: Mutex::default(),
            writer: Mutex::new(Writer { file: Some(file), ledgers: HashMap::new() }),
            state: RwLock::new(Arc::new(State { tables, tenants: HashMap::new() })),
            source,
            about,
            _lock: lock,
        })
    }

    pub(super) fn dimension(&self) -> usize {
        self.about.dimension
    }

    /// Reads a tenant's rows into memory, if that has not been done.
    pub(super) fn admit(&self, tenant: &Arc<str>) -> Result<(), IndexError> {
        let mut writer = self.writer();
        if writer.ledgers.contains_key(tenant) {
            return Ok(());
        }
        let state = self.state();
        let tables = state.tables.as_ref().ok_or_else(|| self.unreadable())?;
        let (ledger, loaded) = load(tables, tenant, self.about.dimension)?;
        writer.ledgers.insert(Arc::clone(tenant), ledger);
        self.publish(state.tables.clone(), [(Arc::clone(tenant), loaded)]);
        Ok(())
    }

    /// Runs `read` on a state whose file and memory agree, once more if the file had to be opened again.
    pub(super) fn reading<T>(
        &self,
        tenant: &str,
        read: impl Fn(&Tables, &Tenant) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let attempt = |state: &State| {
            let tables = state.tables.as_ref().ok_or_else(|| self.unreadable())?;
            read(tables, state.tenants.get(tenant).ok_or_else(|| self.unreadable())?)
        };
        let state = self.state();
        match attempt(&state) {
            Err(IndexError::Storage { .. }) => {
                let mut writer = self.writer();
                if Arc::ptr_eq(&state, &self.state()) {
                    self.reopen(&mut writer)?;
                }
                drop(writer);
                attempt(&self.state())
            }
            answer => answer,
        }
    }

    /// Closes the file, opens it again and reads all tenants anew: only the file knows what a failed write left.
    pub(super) fn reopen(&self, writer: &mut Writer) -> Result<(), IndexError> {
        if !self.source.outlives_its_handle() {
            return Err(self.unreadable());
        }
        writer.file = None;
        self.publish(None, []);
        let file = BankFile::open(&self.source, &self.about)?;
        let tables = file.tables(&self.source)?;
        let mut tenants = Vec::new();
        for (name, ledger) in &mut writer.ledgers {
            let (fresh, tenant) = load(&tables, name, self.about.dimension)?;
            *ledger = fresh;
            tenants.push((Arc::clone(name), tenant));
        }
        writer.file = Some(file);
        self.publish(Some(Arc::new(tables)), tenants);
        Ok(())
    }

    /// Shows readers new tables and, of the tenants, those that changed. Only called with the writer's lock held.
    pub(super) fn publish(
        &self,
        tables: Option<Arc<Tables>>,
        changed: impl IntoIterator<Item = (Arc<str>, Tenant)>,
    ) {
        let mut tenants = self.state().tenants.clone();
        tenants.extend(changed);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(State { tables, tenants });
    }

    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unreadable(&self) -> IndexError {
        let reason = "an earlier failure closed it";
        IndexError::Storage { doing: "read", file: self.source.path().to_owned(), source: reason.into() }
    }

    /// What to say when a row could not be made ready to be written.
    pub(super) fn refuse(&self, error: std::io::Error) -> IndexError {
        IndexError::Storage { doing: "write", file: self.source.path().to_owned(), source: error.into() }
    }

    pub(super) fn lost(&self, id: &str) -> IndexError {
        let file = self.source.path().to_owned();
        IndexError::Damaged { file, reason: format!("row `{id}` is there only in part") }
    }
}

impl Ledger {
    /// The slot of a row, a free or new one if it has none yet, and the one copy of its id.
    pub(super) fn slot_of(&mut self, id: &str) -> (Arc<str>, usize) {
        if let Some((id, slot)) = self.slots.get_key_value(id) {
            return (Arc::clone(id), *slot);
        }
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let id: Arc<str> = id.into();
        self.slots.insert(Arc::clone(&id), slot);
        (id, slot)
    }

    pub(super) fn release(&mut self, id: &str) -> Option<usize> {
        let slot = self.slots.remove(id)?;
        self.free.push(slot);
        Some(slot)
    }
}

/// Reads a tenant's rows.
pub(super) fn load(tables: &Tables, tenant: &str, dimension: usize) -> Result<(Ledger, Tenant), IndexError> {
    let mut ledger = Ledger::default();
    let mut loaded = Tenant { shelf: Shelf::new(dimension), symbols: Arc::default() };
    tables.visit_all(tenant, dimension, |id, record, measures| {
        let (id, slot) = ledger.slot_of(id);
        let entry = Entry::new(id, &record, &loaded.symbols);
        loaded.shelf.put(slot, entry, (&Quantized::new(&measures.vector), &measures.terms));
        Ok(())
    })?;
    loaded.shelf.settle();
    Ok((ledger, loaded))
}
