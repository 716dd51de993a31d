//! A disk that is full after any number of bytes.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, StorageBackend};

use super::file::Source;
use crate::{Embedded, Filter, Index, IndexError, Query, Row};

/// Opens a test's own kind of storage.
pub(super) type Opener = Box<dyn Fn(&Builder) -> std::result::Result<Database, DatabaseError> + Send + Sync>;

const DIMENSION: usize = 16;

/// A file that takes `space` more bytes. The write that meets the end writes what fits, as a disk does.
#[derive(Debug)]
struct FullDisk {
    file: FileBackend,
    space: Arc<AtomicUsize>,
}

impl FullDisk {
    fn take(&self, bytes: usize) -> usize {
        let left = self.space.load(Ordering::SeqCst);
        let taken = bytes.min(left);
        self.space.store(left - taken, Ordering::SeqCst);
        taken
    }
}

impl StorageBackend for FullDisk {
    fn len(&self) -> Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        if len > self.file.len()? && self.space.load(Ordering::SeqCst) == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let fits = self.take(data.len());
        self.file.write(offset, &data[..fits])?;
        if fits < data.len() { Err(Error::from(ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

fn open(path: &Path, space: &Arc<AtomicUsize>) -> std::result::Result<Embedded, IndexError> {
    let (path, space) = (PathBuf::from(path), Arc::clone(space));
    let opener: Opener = Box::new(move |builder| {
        let file: File =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        builder.create_with_backend(FullDisk { file: FileBackend::new(file)?, space: Arc::clone(&space) })
    });
    Embedded::over(Source::Backend(opener), "tenant", DIMENSION, "digest")
}

fn row(number: usize) -> Row {
    let vector = (0..DIMENSION).map(|place| if place == number % DIMENSION { 1.0 } else { 0.0 }).collect();
    let text = "x".repeat(number % 7 * 300);
    Row { id: format!("row-{number:03}"), bank: "precedents".to_owned(), text, vector, ..Row::default() }
}

async fn ids(index: &Embedded) -> std::result::Result<Vec<String>, IndexError> {
    let rows = index.scan(None, usize::MAX, &Filter::default()).await?.rows;
    let hits = index.nearest(&Query::new(row(0).vector, 1_000)).await?;
    assert_eq!(hits.len(), rows.len(), "memory and file agree");
    Ok(rows.iter().map(|row| row.id.clone()).collect())
}

#[tokio::test]
async fn a_write_that_meets_a_full_disk_fails_whole_and_loses_nothing_earlier() {
    for space in (0..60_000).step_by(2_503) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk");
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let index = open(&path, &left).unwrap();
        index.upsert((0..20).map(row).collect()).await.unwrap();

        left.store(space, Ordering::SeqCst);
        let mut next = 20;
        let error = loop {
            match index.upsert(vec![row(next), row(next + 1)]).await {
                Ok(()) => next += 2,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, IndexError::Storage { doing: "write", .. }), "after {space} bytes: {error}");
        let ids_up_to = |end: usize| (0..end).map(|number| row(number).id).collect::<Vec<String>>();
        // This disk takes not even a byte in place of another, so the file cannot be opened again until there is space;
        // a query is an error then, not an empty answer.
        match ids(&index).await {
            Ok(found) => {
                assert!(found == ids_up_to(next) || found == ids_up_to(next + 2), "after {space} bytes");
            }
            Err(error) => {
                assert!(matches!(error, IndexError::Storage { .. }), "after {space} bytes: {error}");
            }
        }

        left.store(usize::MAX, Ordering::SeqCst);
        let found = ids(&index).await.unwrap();
        // If only the last sync met the end, the write is there although it was reported as failed; never half of it.
        assert!(found == ids_up_to(next) || found == ids_up_to(next + 2), "after {space} bytes: {found:?}");
        index.upsert(vec![row(500)]).await.unwrap();
        drop(index);
        let index = open(&path, &left).unwrap();
        assert_eq!(ids(&index).await.unwrap().len(), found.len() + 1, "opened again, after {space} bytes");
    }
}
