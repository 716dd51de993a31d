//! Writing: whoever gets the file first writes for all who wait, and one sync serves them all.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, MutexGuard, PoisonError};

use super::file::KeyedTable;
use super::shelf::{Entry, Quantized};
use super::store::{Ledger, Store, Tenant, Writer, load};
use super::trouble::Trouble;
use crate::record::{Record, seal_measures};
use crate::snapshot::Snapshot;
use crate::{Filter, IndexError, Row};

/// The most rows and ids written with one sync; a single larger call still is.
const GROUP_ROWS: usize = 20_000;

/// What one caller wants changed.
pub(super) enum Change {
    /// Rows to put, and ids to remove after that.
    Exchange(Vec<Put>, Vec<String>),
    RemoveWhere(Filter),
    Restore(PathBuf),
}

/// A row ready to be written: all that can be computed before it is its turn.
pub(super) struct Put {
    row: Row,
    record: Vec<u8>,
    measures: Vec<u8>,
    quantized: Quantized,
}

impl Put {
    pub(super) fn new(tenant: &str, row: Row) -> Result<Self, std::io::Error> {
        let key = (tenant, row.id.as_str());
        Ok(Self {
            record: Record::from(&row).seal(key)?,
            measures: seal_measures(key, &row.vector, &row.terms),
            quantized: Quantized::new(&row.vector),
            row,
        })
    }
}

impl Change {
    /// How much of a group it takes; `None` if what it does depends on what was written before it, so that it goes alone.
    fn size(&self) -> Option<usize> {
        match self {
            Self::Exchange(rows, gone) => Some(rows.len() + gone.len()),
            Self::RemoveWhere(_) | Self::Restore(_) => None,
        }
    }

    fn in_file(
        &self,
        tenant: &str,
        records: &mut KeyedTable<'_>,
        measures: &mut KeyedTable<'_>,
    ) -> Result<(), Trouble> {
        match self {
            Self::Exchange(rows, gone) => {
                for put in rows {
                    let key = (tenant, put.row.id.as_str());
                    records.insert(key, put.record.as_slice())?;
                    measures.insert(key, put.measures.as_slice())?;
                }
                for id in gone {
                    records.remove((tenant, id.as_str()))?;
                    measures.remove((tenant, id.as_str()))?;
                }
            }
            Self::RemoveWhere(_) => {}
            Self::Restore(file) => {
                records.retain(|key, _| key.0 != tenant)?;
                measures.retain(|key, _| key.0 != tenant)?;
                for row in Snapshot::open(file).map_err(Trouble::Refused)? {
                    let put = Put::new(tenant, row.map_err(Trouble::Refused)?)?;
                    let key = (tenant, put.row.id.as_str());
                    records.insert(key, put.record.as_slice())?;
                    measures.insert(key, put.measures.as_slice())?;
                }
            }
        }
        Ok(())
    }

    /// Does in memory what the file has; says how many rows that removed.
    fn in_memory(&self, ledger: &mut Ledger, Tenant { shelf, symbols }: &mut Tenant) -> usize {
        match self {
            Self::Exchange(rows, gone) => {
                for put in rows {
                    let (id, slot) = ledger.slot_of(&put.row.id);
                    let entry = Entry::new(id, &Record::from(&put.row), symbols);
                    shelf.put(slot, entry, (&put.quantized, &put.row.terms));
                }
                let mut removed = 0;
                for slot in gone.iter().filter_map(|id| ledger.release(id)) {
                    shelf.clear(slot);
                    removed += 1;
                }
                removed
            }
            Self::RemoveWhere(_) | Self::Restore(_) => 0,
        }
    }
}

/// A change that waits for its turn, and where to say what became of it.
struct Waiting {
    tenant: Arc<str>,
    change: Change,
    answer: SyncSender<Result<usize, IndexError>>,
}

/// The changes that wait, in the order they will be made.
#[derive(Default)]
pub(super) struct Queue(VecDeque<Waiting>);

impl Queue {
    /// The changes to make next, together.
    fn next_group(&mut self) -> Vec<Waiting> {
        let mut group = Vec::new();
        let mut room = GROUP_ROWS;
        while let Some(next) = self.0.front() {
            match next.change.size() {
                Some(size) if group.is_empty() || size <= room => room = room.saturating_sub(size),
                None if group.is_empty() => {
                    group.extend(self.0.pop_front());
                    break;
                }
                Some(_) | None => break,
            }
            group.extend(self.0.pop_front());
        }
        group
    }
}

impl Store {
    /// Makes a change durable, then visible; says how many rows it concerned.
    pub(super) fn change(&self, tenant: &Arc<str>, change: Change) -> Result<usize, IndexError> {
        let (answer, told) = sync_channel(1);
        self.queue().0.push_back(Waiting { tenant: Arc::clone(tenant), change, answer });
        let mut writer = self.writer();
        loop {
            // Who had the file before may have made this change as well.
            if let Some(outcome) = self.outcome(&told) {
                return outcome;
            }
            let group = self.queue().next_group();
            self.make(&mut writer, group);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outcome(&self, told: &Receiver<Result<usize, IndexError>>) -> Option<Result<usize, IndexError>> {
        match told.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(self.unreadable())),
        }
    }

    /// Makes a group of changes with one sync. If that fails, each on its own, so that each gets its own answer.
    fn make(&self, writer: &mut Writer, group: Vec<Waiting>) {
        match self.make_together(writer, &group) {
            Ok(concerned) => {
                for (waiting, rows) in group.iter().zip(concerned) {
                    // Who no longer listens has given up the answer, not the change.
                    drop(waiting.answer.try_send(Ok(rows)));
                }
            }
            Err(_) if group.len() > 1 => {
                for waiting in group {
                    self.make(writer, vec![waiting]);
                }
            }
            Err(error) => {
                if let Some(waiting) = group.first() {
                    drop(waiting.answer.try_send(Err(error)));
                }
            }
        }
    }

    fn make_together(&self, writer: &mut Writer, group: &[Waiting]) -> Result<Vec<usize>, IndexError> {
        if let [Waiting { tenant, change: Change::RemoveWhere(filter), .. }] = group {
            let state = self.state();
            let admitted = state.tenants.get(tenant).map(|tenant| tenant.admitted(filter));
            let ids = admitted.into_iter().flatten().map(|slot| slot.entry.id.to_string()).collect();
            let (answer, _) = sync_channel(1);
            let change = Change::Exchange(Vec::new(), ids);
            return self.make_together(writer, &[Waiting { tenant: Arc::clone(tenant), change, answer }]);
        }
        if writer.file.is_none() {
            self.reopen(writer)?;
        }
        let Some(file) = &writer.file else { return Err(self.unreadable()) };
        let written = file.write(&self.source, |records, measures| {
            group.iter().try_for_each(|waiting| waiting.change.in_file(&waiting.tenant, records, measures))
        });
        if let Err(error) = written {
            // After a failed write redb refuses to read, too, until the file is opened again.
            if let Err(again) = self.reopen(writer) {
                tracing::warn!(error = &again as &dyn std::error::Error, "the index stays closed");
            }
            return Err(error);
        }
        self.show(writer, group)
    }

    /// Shows readers what has been written.
    fn show(&self, writer: &mut Writer, group: &[Waiting]) -> Result<Vec<usize>, IndexError> {
        let Writer { file: Some(file), ledgers } = writer else { return Err(self.unreadable()) };
        // The change is durable: a file that cannot be read now is for the next reader to mend.
        let tables = file.tables(&self.source).ok().map(Arc::new);
        let state = self.state();
        let mut changed: HashMap<Arc<str>, Tenant> = HashMap::new();
        let mut concerned = Vec::with_capacity(group.len());
        for Waiting { tenant: name, change, .. } in group {
            let (Some(ledger), Some(known)) = (ledgers.get_mut(name), state.tenants.get(name)) else {
                concerned.push(0);
                continue;
            };
            if let (Change::Restore(_), Some(tables)) = (change, &tables) {
                let (fresh, tenant) = load(tables, name, self.about.dimension)?;
                *ledger = fresh;
                concerned.push(tenant.shelf.rows());
                changed.insert(Arc::clone(name), tenant);
            } else {
                let tenant = changed.entry(Arc::clone(name)).or_insert_with(|| known.clone());
                concerned.push(change.in_memory(ledger, tenant));
            }
        }
        for tenant in changed.values_mut() {
            tenant.shelf.settle();
        }
        self.publish(tables, changed);
        Ok(concerned)
    }
}
