//! The file and the memory of all tenants, kept in step.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::file::{About, BankFile, KeyedTable, Source};
use super::record::{Record, seal_vector};
use super::shelf::{Entry, Quantized, Shelf};
use super::sieve::Symbols;
use super::tables::Tables;
use super::trouble::Trouble;
use crate::{IndexError, Row};

/// One file and what memory holds of it.
pub(super) struct Store {
    pub(super) source: Source,
    pub(super) about: About,
    writer: Mutex<Writer>,
    /// Locked only for as long as it takes to copy or replace the pointer, so readers never wait for a disk.
    state: RwLock<Arc<State>>,
}

/// What only writers need; one of them at a time.
struct Writer {
    /// `None` after a failure that reopening did not mend.
    file: Option<BankFile>,
    ledgers: HashMap<Arc<str>, Ledger>,
}

/// Which slot of a tenant's shelf each row is in.
#[derive(Default)]
struct Ledger {
    slots: HashMap<Arc<str>, usize>,
    free: Vec<usize>,
}

/// What a reader sees: the file and all shelves at the same moment.
pub(super) struct State {
    /// `None` while the file cannot be read.
    tables: Option<Arc<Tables>>,
    pub(super) tenants: HashMap<Arc<str>, Tenant>,
}

/// What memory holds of one tenant.
#[derive(Clone)]
pub(super) struct Tenant {
    pub(super) shelf: Shelf,
    pub(super) symbols: Arc<Symbols>,
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
        let file = BankFile::open(&source, &about)?;
        let tables = Some(Arc::new(file.tables(&source)?));
        Ok(Self {
            writer: Mutex::new(Writer { file: Some(file), ledgers: HashMap::new() }),
            state: RwLock::new(Arc::new(State { tables, tenants: HashMap::new() })),
            source,
            about,
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

    pub(super) fn upsert(&self, tenant: &str, rows: &[Row]) -> Result<(), IndexError> {
        let quantized: Vec<Quantized> = rows.iter().map(|row| Quantized::new(&row.vector)).collect();
        self.change(
            tenant,
            |records, vectors| {
                for row in rows {
                    let key = (tenant, row.id.as_str());
                    records.insert(key, Record::from(row).seal(key)?.as_slice())?;
                    vectors.insert(key, seal_vector(key, &row.vector).as_slice())?;
                }
                Ok(())
            },
            |ledger, Tenant { shelf, symbols }| {
                for (row, vector) in rows.iter().zip(&quantized) {
                    let (id, slot) = ledger.slot_of(&row.id);
                    shelf.put(slot, Entry::new(id, &Record::from(row), symbols), vector);
                }
            },
        )
    }

    pub(super) fn remove(&self, tenant: &str, ids: &[String]) -> Result<usize, IndexError> {
        let mut removed = 0;
        self.change(
            tenant,
            |records, vectors| {
                for id in ids {
                    records.remove((tenant, id.as_str()))?;
                    vectors.remove((tenant, id.as_str()))?;
                }
                Ok(())
            },
            |ledger, Tenant { shelf, .. }| {
                for slot in ids.iter().filter_map(|id| ledger.release(id)) {
                    shelf.clear(slot);
                    removed += 1;
                }
            },
        )?;
        Ok(removed)
    }

    /// Makes a change durable, then visible.
    fn change(
        &self,
        tenant: &str,
        in_file: impl FnOnce(&mut KeyedTable<'_>, &mut KeyedTable<'_>) -> Result<(), Trouble>,
        in_memory: impl FnOnce(&mut Ledger, &mut Tenant),
    ) -> Result<(), IndexError> {
        let mut writer = self.writer();
        let writer = &mut *writer;
        if writer.file.is_none() {
            self.reopen(writer)?;
        }
        let Writer { file: Some(file), ledgers } = writer else { return Err(self.unreadable()) };
        if let Err(error) = file.write(&self.source, in_file) {
            // After a failed write redb refuses to read, too, until the file is opened again.
            if let Err(again) = self.reopen(writer) {
                tracing::warn!(error = &again as &dyn std::error::Error, "the index stays closed");
            }
            return Err(error);
        }
        let state = self.state();
        if let (Some(ledger), Some((name, tenant))) =
            (ledgers.get_mut(tenant), state.tenants.get_key_value(tenant))
        {
            let mut tenant = tenant.clone();
            in_memory(ledger, &mut tenant);
            // The change is durable: a file that cannot be read now is for the next reader to mend.
            let tables = file.tables(&self.source).ok().map(Arc::new);
            self.publish(tables, [(Arc::clone(name), tenant)]);
        }
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
    fn reopen(&self, writer: &mut Writer) -> Result<(), IndexError> {
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
    fn publish(&self, tables: Option<Arc<Tables>>, changed: impl IntoIterator<Item = (Arc<str>, Tenant)>) {
        let mut tenants = self.state().tenants.clone();
        tenants.extend(changed);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(State { tables, tenants });
    }

    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unreadable(&self) -> IndexError {
        let reason = "an earlier failure closed it";
        IndexError::Storage { doing: "read", file: self.source.path().to_owned(), source: reason.into() }
    }

    pub(super) fn lost(&self, id: &str) -> IndexError {
        let file = self.source.path().to_owned();
        IndexError::Damaged { file, reason: format!("row `{id}` is there only in part") }
    }
}

impl Ledger {
    /// The slot of a row, a free or new one if it has none yet, and the one copy of its id.
    fn slot_of(&mut self, id: &str) -> (Arc<str>, usize) {
        if let Some((id, slot)) = self.slots.get_key_value(id) {
            return (Arc::clone(id), *slot);
        }
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let id: Arc<str> = id.into();
        self.slots.insert(Arc::clone(&id), slot);
        (id, slot)
    }

    fn release(&mut self, id: &str) -> Option<usize> {
        let slot = self.slots.remove(id)?;
        self.free.push(slot);
        Some(slot)
    }
}

/// Reads a tenant's rows.
fn load(tables: &Tables, tenant: &str, dimension: usize) -> Result<(Ledger, Tenant), IndexError> {
    let mut ledger = Ledger::default();
    let mut loaded = Tenant { shelf: Shelf::new(dimension), symbols: Arc::default() };
    tables.visit_all(tenant, dimension, |id, record, vector| {
        let (id, slot) = ledger.slot_of(id);
        loaded.shelf.put(slot, Entry::new(id, record, &loaded.symbols), &Quantized::new(vector));
    })?;
    Ok((ledger, loaded))
}
