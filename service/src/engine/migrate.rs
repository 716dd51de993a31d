//! From one engine to the other.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use indexes::{Embedded, Filter, Fingerprint, Index, IndexError, Qdrant};
use inference::Embedder;

use super::{EngineError, Marker, TENANT, banks_file};
use crate::config::{Config, EngineName};

/// Where the rows lie on their way.
const FOLDER: &str = "migrating";
/// Rows read at once.
const PAGE: usize = 512;

/// How it ended.
#[derive(Debug)]
pub enum Migration {
    /// Both engines hold the same rows, and the other one is in force.
    Done {
        /// The engine that was in force.
        from: EngineName,
        /// What both hold.
        print: Fingerprint,
    },
    /// The engine was in force already.
    Needless,
}

/// Why the banks stay where they are.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// An engine is not to be opened.
    #[error("the banks stay where they are")]
    Engine(#[from] EngineError),
    /// An engine does not do its part.
    #[error("the banks stay in `{from}`")]
    Index {
        /// Where they are.
        from: EngineName,
        /// What went wrong.
        #[source]
        source: IndexError,
    },
    /// There is something else at the other end.
    #[error(
        "the banks stay in `{from}`: `{to}` holds rows that are not in it, `{example}` for one; with `--replace` they \
         are removed"
    )]
    Foreign {
        /// Where they are.
        from: EngineName,
        /// Where they were to go.
        to: EngineName,
        /// The id of one such row.
        example: String,
    },
    /// The rows are not the same at both ends.
    #[error(
        "the banks stay in `{from}`: it holds {} rows (sum {there}), the copy {} (sum {here}); if a service wrote \
         meanwhile, stop it and try again", there.rows, here.rows
    )]
    Differ {
        /// Where they are.
        from: EngineName,
        /// What it holds.
        there: Fingerprint,
        /// What the copy holds.
        here: Fingerprint,
    },
    /// The data folder cannot be written.
    #[error("the banks stay where they are: {} cannot be written", .folder.display())]
    Folder {
        /// Which folder.
        folder: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Copies all rows of the tenant to the engine `to`, compares both ends, and puts that engine in force.
///
/// Until the last step, which is one renamed file, the old engine is in force, however it ends; it can be begun again.
/// Rows at the other end that are not here are removed only with `replace`, or where the folder says that they are what
/// an earlier migration left.
///
/// # Errors
///
/// [`MigrateError`]: the old engine stays in force.
pub async fn migrate(
    config: &Config,
    embedder: &Embedder,
    (to, replace): (EngineName, bool),
) -> Result<Migration, MigrateError> {
    let folder = config.data_folder().map_err(EngineError::from)?;
    let marker = Marker::read(&folder).map_err(EngineError::from)?;
    let from = marker.map_or_else(|| unmarked(config, &folder), |marker| marker.engine);
    if from == to {
        return Ok(Migration::Needless);
    }
    let failed = |source| MigrateError::Index { from, source };
    let encoder = (embedder.dimension(), embedder.vectors_digest());
    // Held to the end: no other process writes to these banks meanwhile.
    let file = Embedded::open(&folder, TENANT, encoder.0, encoder.1).map_err(failed)?;
    let server =
        Qdrant::connect(config.index.options(), TENANT, encoder.0, encoder.1).await.map_err(failed)?;
    let (source, target): (&dyn Index, &dyn Index) = match to {
        EngineName::Qdrant => (&file, &server),
        EngineName::Embedded => (&server, &file),
    };
    let is_known = marker.is_some() || replace;
    let example = if is_known { None } else { foreign(source, target).await.map_err(failed)? };
    if let Some(example) = example {
        return Err(MigrateError::Foreign { from, to, example });
    }
    let print = copy(source, target, (&folder, from)).await?;
    Marker::write(&folder, to).map_err(EngineError::from)?;
    Ok(Migration::Done { from, print })
}

/// The engine in force where nothing says so.
fn unmarked(config: &Config, folder: &Path) -> EngineName {
    let begun = config.index.engine.filter(|_| !banks_file(folder).exists());
    begun.unwrap_or(EngineName::Embedded)
}

/// The id of a row that is in `target` and not in `source`.
async fn foreign(source: &dyn Index, target: &dyn Index) -> Result<Option<String>, IndexError> {
    let mut after = None::<String>;
    loop {
        let page = target.scan(after.as_deref(), PAGE, &Filter::default()).await?;
        let ids: Vec<String> = page.rows.iter().map(|row| row.id.clone()).collect();
        let known = source.get_each(ids.clone()).await?;
        let known: HashSet<&str> = known.iter().flatten().map(|row| row.id.as_str()).collect();
        if let Some(id) = ids.iter().find(|id| !known.contains(id.as_str())) {
            return Ok(Some(id.clone()));
        }
        after = page.next;
        if after.is_none() {
            return Ok(None);
        }
    }
}

async fn copy(
    source: &dyn Index,
    target: &dyn Index,
    (folder, from): (&Path, EngineName),
) -> Result<Fingerprint, MigrateError> {
    let failed = |source| MigrateError::Index { from, source };
    let way = folder.join(FOLDER);
    let unwritten = |source| MigrateError::Folder { folder: way.clone(), source };
    // What a migration left that was killed.
    clear(&way).map_err(unwritten)?;
    fs::create_dir_all(&way).map_err(unwritten)?;
    let file = way.join("rows");
    source.snapshot(&file).await.map_err(failed)?;
    target.restore(&file).await.map_err(failed)?;
    clear(&way).map_err(unwritten)?;
    let here = Fingerprint::of(target).await.map_err(failed)?;
    let there = Fingerprint::of(source).await.map_err(failed)?;
    if here == there { Ok(there) } else { Err(MigrateError::Differ { from, there, here }) }
}

fn clear(way: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(way) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        cleared => cleared,
    }
}
