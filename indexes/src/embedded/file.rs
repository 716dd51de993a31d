//! The redb file: opening, making and changing it.

use std::fs;
use std::path::{Path, PathBuf};

use redb::backends::InMemoryBackend;
use redb::{
    Builder, ConcurrencyMode, Database, Durability, ReadOnlyDatabase, ReadOnlyTable, ReadableDatabase,
    ReadableTable, ReadableTableMetadata, Table, TableDefinition, TableHandle, WriteTransaction,
};

use super::lock::Lock;
use super::swap::{self, sync_directory};
use super::tables::Tables;
use super::trouble::{Trouble, guarded};
use crate::IndexError;
use crate::record::{Key, Record, seal_measures, unseal_measures};

const FILE_NAME: &str = "banks.redb";
/// A file that is going to take its place.
pub(super) const DRAFT_NAME: &str = "banks.redb.draft";
const ROWS: TableDefinition<'_, Key<'_>, &[u8]> = TableDefinition::new("rows");
const MEASURES: TableDefinition<'_, Key<'_>, &[u8]> = TableDefinition::new("vectors");
const ABOUT: TableDefinition<'_, &str, &str> = TableDefinition::new("about");

/// The layout this version writes: rows, and measures that are a vector and terms.
const LAYOUT: &str = "2";
/// The layout before: measures were a vector alone. It is read as if each row had the words of its text as it stands,
/// and opening it for writing makes it the present one.
const LAYOUT_WITHOUT_TERMS: &str = "1";

/// Memory redb may use for pages: enough for the upper levels of a tree of a million rows and the rows asked for most;
/// the rest is the operating system's to cache.
pub(super) const CACHE_BYTES: usize = 32 << 20;

/// Where the rows are.
pub(super) enum Source {
    Writing(PathBuf),
    Reading(PathBuf),
    Memory,
    #[cfg(test)]
    Backend(super::full_disk::Opener),
}

impl Source {
    pub(super) fn writing(directory: &Path) -> Self {
        Self::Writing(directory.join(FILE_NAME))
    }

    pub(super) fn reading(directory: &Path) -> Self {
        Self::Reading(directory.join(FILE_NAME))
    }

    /// The file, or what stands in for its name in an error.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Writing(path) | Self::Reading(path) => path,
            Self::Memory => Path::new("memory"),
            #[cfg(test)]
            Self::Backend(_) => Path::new("backend"),
        }
    }

    /// The right to write there, where another could have it.
    pub(super) fn lock(&self) -> Result<Option<Lock>, IndexError> {
        match self {
            Self::Writing(path) => {
                let lock = Lock::take(path.parent().unwrap_or(Path::new(".")))?;
                // What a process left that was killed while it compacted.
                drop(fs::remove_file(path.with_file_name(DRAFT_NAME)));
                swap::sweep(path);
                Ok(Some(lock))
            }
            Self::Reading(_) | Self::Memory => Ok(None),
            #[cfg(test)]
            Self::Backend(_) => Ok(None),
        }
    }

    /// Whether opening it again finds what was there.
    pub(super) fn outlives_its_handle(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    /// The length of the file; 0 where there is none.
    pub(super) fn bytes(&self) -> Result<u64, IndexError> {
        match self {
            Self::Writing(path) | Self::Reading(path) => {
                let length = swap::open(path, |path| Ok(fs::metadata(path)?.len()));
                length.map_err(|trouble| self.refuse("read", trouble))
            }
            Self::Memory => Ok(0),
            #[cfg(test)]
            Self::Backend(_) => Ok(0),
        }
    }

    fn refuse(&self, doing: &'static str, trouble: Trouble) -> IndexError {
        trouble.at(doing, self.path())
    }
}

/// What every row of a file has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) dimension: usize,
    pub(super) encoder_digest: String,
}

enum Handle {
    Writing(Database),
    Reading(ReadOnlyDatabase),
}

/// The open file.
pub(super) struct BankFile {
    handle: Handle,
}

impl BankFile {
    /// Opens it, checks that it is whole and fits `about`, and makes it where it is missing.
    pub(super) fn open(source: &Source, about: &About) -> Result<Self, IndexError> {
        let handle = guarded(|| match source {
            Source::Writing(path) => {
                if !swap::put_back(path)? {
                    create(path, about)?;
                }
                Ok(Handle::Writing(shared_builder().open(path)?))
            }
            Source::Reading(path) => swap::open(path, |path| {
                fs::metadata(path)?;
                Ok(Handle::Reading(shared_builder().open_read_only(path)?))
            }),
            Source::Memory => {
                let database = builder().create_with_backend(InMemoryBackend::new())?;
                describe(&database, about)?;
                Ok(Handle::Writing(database))
            }
            #[cfg(test)]
            Source::Backend(open) => {
                let database = open(&builder())?;
                describe(&database, about)?;
                Ok(Handle::Writing(database))
            }
        });
        let file = Self { handle: handle.map_err(|trouble| source.refuse("open", trouble))? };
        let old = guarded(|| file.check(about, source.path()));
        if old.map_err(|trouble| source.refuse("open", trouble))? {
            let migrated = guarded(|| file.migrate(about.dimension));
            migrated.map_err(|trouble| source.refuse("write", trouble))?;
        }
        Ok(file)
    }

    /// Whether it has to be [migrated](Self::migrate) before it is written to.
    fn check(&self, about: &About, path: &Path) -> Result<bool, Trouble> {
        let read = self.begin_read()?;
        if read.list_tables()?.all(|table| table.name() != ABOUT.name()) {
            return Err(Trouble::Damage("it holds something else".to_owned()));
        }
        let table = read.open_table(ABOUT)?;
        let said = |key: &str| -> Result<String, Trouble> {
            let value =
                table.get(key)?.ok_or_else(|| Trouble::Damage(format!("it does not say its {key}")))?;
            Ok(value.value().to_owned())
        };
        let layout = said("layout")?;
        if ![LAYOUT, LAYOUT_WITHOUT_TERMS].contains(&layout.as_str()) {
            let file = path.to_owned();
            return Err(Trouble::Refused(IndexError::OtherLayout { file, found: layout, expected: LAYOUT }));
        }
        let dimension = said("dimension")?;
        let dimension = dimension.parse().map_err(|_| Trouble::Damage(format!("dimension `{dimension}`")))?;
        let found = About { dimension, encoder_digest: said("encoder")? };
        if found != *about {
            return Err(Trouble::Refused(IndexError::OtherEncoder {
                file: path.to_owned(),
                found: found.encoder_digest,
                wanted: about.encoder_digest.clone(),
                found_dimension: found.dimension,
                wanted_dimension: about.dimension,
            }));
        }
        Ok(layout != LAYOUT && matches!(self.handle, Handle::Writing(_)))
    }

    fn begin_read(&self) -> Result<redb::ReadTransaction, redb::TransactionError> {
        match &self.handle {
            Handle::Writing(database) => database.begin_read(),
            Handle::Reading(database) => database.begin_read(),
        }
    }

    /// Opens a file that may not be whole, as far as that goes; reading may fail anywhere.
    pub(super) fn open_unverified(path: &Path, about: &About) -> Result<Self, IndexError> {
        let open = || {
            let mut builder = shared_builder();
            builder.set_check_integrity_on_open(false);
            let file = Self { handle: Handle::Writing(builder.open(path)?) };
            file.check(about, path)?;
            Ok(file)
        };
        guarded(open).map_err(|trouble| trouble.at("open", path))
    }

    /// A new file at `path` with everything that is in `tables`.
    pub(super) fn copy(path: &Path, about: &About, tables: &Tables) -> Result<Self, IndexError> {
        let copy = || {
            match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
            let mut database = shared_builder().create(path)?;
            describe(&database, about)?;
            let write = begin_write(&database)?;
            {
                let (mut rows, mut measures) = (write.open_table(ROWS)?, write.open_table(MEASURES)?);
                let copied = tables.visit_stored(about.dimension, |key, row, measured| {
                    rows.insert(key, row)?;
                    measures.insert(key, measured)?;
                    Ok(())
                });
                copied.map_err(Trouble::Refused)?;
            }
            write.commit()?;
            database.compact()?;
            Ok(Self { handle: Handle::Writing(database) })
        };
        guarded(copy).map_err(|trouble| trouble.at("write", path))
    }

    /// Gives every row of a file of layout 1 its terms, in one step.
    fn migrate(&self, dimension: usize) -> Result<(), Trouble> {
        let Handle::Writing(database) = &self.handle else { return Ok(()) };
        let read = self.begin_read()?;
        let (rows, measures) = (read.open_table(ROWS)?, read.open_table(MEASURES)?);
        let write = begin_write(database)?;
        {
            let mut table = write.open_table(MEASURES)?;
            for stored in measures.iter()? {
                let (key, stored) = stored?;
                let key = key.value();
                let (vector, terms) =
                    unseal_measures(key, stored.value(), dimension).map_err(Trouble::Damage)?;
                let row =
                    rows.get(key)?.ok_or_else(|| Trouble::Damage(format!("row `{}` has no text", key.1)))?;
                let record = Record::unseal(key, row.value()).map_err(Trouble::Damage)?;
                let terms = terms.unwrap_or_else(|| record.own_terms());
                table.insert(key, seal_measures(key, &vector, &terms).as_slice())?;
            }
            write.open_table(ABOUT)?.insert("layout", LAYOUT)?;
        }
        Ok(write.commit()?)
    }

    /// The rows as of the last commit, for as long as the result lives.
    pub(super) fn tables(&self, source: &Source) -> Result<Tables, IndexError> {
        let open = || {
            let read = self.begin_read()?;
            Ok(Tables::new(read.open_table(ROWS)?, read.open_table(MEASURES)?, source.path()))
        };
        guarded(open).map_err(|trouble| source.refuse("read", trouble))
    }

    /// Changes both tables and returns once the change is durable. All of it or, on an error, none of it: only when
    /// the very last sync fails can a change survive that was reported as failed.
    pub(super) fn write(
        &self,
        source: &Source,
        change: impl FnOnce(&mut KeyedTable<'_>, &mut KeyedTable<'_>) -> Result<(), Trouble>,
    ) -> Result<(), IndexError> {
        let Handle::Writing(database) = &self.handle else {
            return Err(IndexError::ReadOnly { file: source.path().to_owned() });
        };
        let commit = || {
            let write = begin_write(database)?;
            change(&mut write.open_table(ROWS)?, &mut write.open_table(MEASURES)?)?;
            Ok(write.commit()?)
        };
        guarded(commit).map_err(|trouble| source.refuse("write", trouble))
    }
}

/// A table of bytes by tenant and id, at one moment.
pub(super) type KeyedReader = ReadOnlyTable<Key<'static>, &'static [u8]>;

/// A table of bytes by tenant and id, being written.
pub(super) type KeyedTable<'txn> = Table<'txn, Key<'static>, &'static [u8]>;

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

/// For files: other processes may read beside the one that writes. Needs byte-range locks, which memory has not.
fn shared_builder() -> Builder {
    let mut builder = builder();
    builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
    builder
}

fn begin_write(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut write = database.begin_write()?;
    write.set_durability(Durability::Immediate)?;
    // Texts come from strangers: one-phase commit could be led to accept a torn write whose checksum they chose.
    write.set_two_phase_commit(true);
    Ok(write)
}

/// Makes a file under another name first, so that a process killed meanwhile leaves nothing that looks like an index.
fn create(path: &Path, about: &About) -> Result<(), Trouble> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let draft = tempfile::Builder::new().prefix(FILE_NAME).tempfile_in(directory)?;
    let database = shared_builder().create(draft.path())?;
    describe(&database, about)?;
    database.close()?;
    match draft.persist_noclobber(path) {
        Ok(_) => {}
        // Another process was quicker; opening its file says the rest.
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error.into()),
    }
    sync_directory(path)?;
    Ok(())
}

/// Writes what a new file is about; leaves a file that has rows or says so already as it is.
fn describe(database: &Database, about: &About) -> Result<(), Trouble> {
    let write = begin_write(database)?;
    {
        write.open_table(ROWS)?;
        write.open_table(MEASURES)?;
        let mut table = write.open_table(ABOUT)?;
        if table.is_empty()? {
            table.insert("layout", LAYOUT)?;
            table.insert("dimension", about.dimension.to_string().as_str())?;
            table.insert("encoder", about.encoder_digest.as_str())?;
        }
    }
    Ok(write.commit()?)
}
