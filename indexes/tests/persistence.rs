//! What the embedded engine's file keeps, and what it does about one that is not whole.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod clustered;
mod processes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use clustered::Dice;
use indexes::{Embedded, Filter, Index, IndexError, Query, Row, Terms};
use processes::{child, given_directory, lines, say};

const DIMENSION: usize = 32;

fn open(directory: &Path) -> Result<Embedded, IndexError> {
    Embedded::open(directory, "tenant", DIMENSION, "digest")
}

fn read(directory: &Path) -> Result<Embedded, IndexError> {
    Embedded::open_read_only(directory, "tenant", DIMENSION, "digest")
}

fn file(directory: &Path) -> PathBuf {
    directory.join("banks.redb")
}

fn rows(numbers: impl IntoIterator<Item = usize>) -> Vec<Row> {
    numbers.into_iter().map(|number| Dice(number as u64).row(number, DIMENSION)).collect()
}

/// All rows, in order.
async fn all(index: &dyn Index) -> Result<Vec<Row>, IndexError> {
    let rows = index.scan(None, usize::MAX, &Filter::default()).await?.rows;
    Ok(rows.into_iter().map(Arc::unwrap_or_clone).collect())
}

#[tokio::test]
async fn reopening_finds_every_row_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let index = open(directory.path()).unwrap();
    index.upsert(rows(0..300)).await.unwrap();
    index.remove(&["row-00007".to_owned()]).await.unwrap();
    index.for_tenant("other").unwrap().upsert(rows(0..3)).await.unwrap();
    let stats = index.stats().await.unwrap();
    drop(index);

    let index = open(directory.path()).unwrap();
    let expected: Vec<Row> = rows((0..300).filter(|number| *number != 7));
    assert_eq!(all(&index).await.unwrap(), expected);
    assert_eq!(all(&index.for_tenant("other").unwrap()).await.unwrap(), rows(0..3));
    let again = index.stats().await.unwrap();
    assert_eq!((again.rows, &again.banks), (299, &stats.banks));
    assert_eq!(again.encoder_digest, "digest");
    assert!(again.vector_bytes >= 299 * DIMENSION && again.entry_bytes > 0);
    assert_eq!(again.file_bytes, fs::metadata(file(directory.path())).unwrap().len());
}

#[tokio::test]
async fn another_encoder_or_dimension_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    for (dimension, digest) in [(DIMENSION, "another"), (DIMENSION + 1, "digest")] {
        for open in [Embedded::open, Embedded::open_read_only] {
            let error = open(directory.path(), "tenant", dimension, digest).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "{} was made with encoder digest (32 numbers), not {digest} ({dimension}); \
                     its texts have to be embedded again",
                    file(directory.path()).display()
                )
            );
        }
    }
}

#[test]
fn a_second_writer_is_told_who_holds_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = child("holds", &[directory.path()]).stdin(Stdio::piped()).spawn().unwrap();
    let mut said = lines(&mut first, "holding");
    assert_eq!(said.next().as_deref(), Some(""));
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.to_string(), format!("another lamassu process holds {}", directory.path().display()));
    drop(first.stdin.take());
    assert_eq!(said.next(), None);
    first.wait().unwrap();
    let _held = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(IndexError::Held { .. })), "nor twice in one process");
}

#[test]
#[ignore = "a child of a_second_writer_is_told_who_holds_the_directory"]
fn holds() {
    let Some(directory) = given_directory() else { return };
    let _index = open(&directory).unwrap();
    say("holding");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

#[tokio::test]
async fn many_may_read_beside_one_that_writes() {
    let directory = tempfile::tempdir().unwrap();
    let writer = open(directory.path()).unwrap();
    writer.upsert(rows(0..5)).await.unwrap();
    let early = read(directory.path()).unwrap();
    writer.upsert(rows(5..9)).await.unwrap();
    writer.remove(&["row-00000".to_owned()]).await.unwrap();
    let late = read(directory.path()).unwrap();
    assert_eq!(all(&early).await.unwrap(), rows(0..5));
    assert_eq!(all(&late).await.unwrap(), rows(1..9));
    drop(writer);
    assert_eq!(all(&read(directory.path()).unwrap()).await.unwrap(), rows(1..9));
    let error = late.upsert(rows(0..1)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{} is open for reading only", file(directory.path()).display()));
    assert_eq!(all(&late).await.unwrap(), rows(1..9), "and it still answers");
}

#[test]
fn reading_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let error = read(directory.path()).unwrap_err();
    assert!(
        matches!(&error, IndexError::Missing { file: missing } if *missing == file(directory.path())),
        "{error}"
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let in_the_way = directory.path().join("file");
    fs::write(&in_the_way, "not a directory").unwrap();
    let error = open(&in_the_way).unwrap_err();
    assert!(error.to_string().contains(&in_the_way.display().to_string()), "{error}");
}

#[tokio::test]
async fn compacting_frees_space_keeps_every_row_and_answers_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let index = open(directory.path()).unwrap();
    for round in 0..20 {
        index.upsert(rows(round * 20..round * 20 + 40)).await.unwrap();
    }
    index.for_tenant("other").unwrap().upsert(rows(0..3)).await.unwrap();
    index.remove_where(&Filter { confirmed_only: true, ..Filter::default() }).await.unwrap();
    let expected = all(&index).await.unwrap();
    let early = read(directory.path()).unwrap();

    let (compacted, beside) = tokio::join!(index.compact(), async {
        let mut found = Vec::new();
        for _ in 0..20 {
            found.push(all(&index).await.unwrap());
        }
        found
    });
    let compacted = compacted.unwrap();
    assert!(compacted.after < compacted.before, "{compacted:?}");
    assert!(beside.iter().all(|found| *found == expected));
    assert_eq!(all(&early).await.unwrap(), expected, "who had it open reads on");
    assert_eq!(all(&index).await.unwrap(), expected);
    index.upsert(rows(900..910)).await.unwrap();
    let written = all(&index).await.unwrap();
    assert_eq!(written.len(), expected.len() + 10);
    assert!(matches!(open(directory.path()), Err(IndexError::Held { .. })), "it is held as before");
    assert!(matches!(read(directory.path()).unwrap().compact().await, Err(IndexError::ReadOnly { .. })));
    drop(index);
    let index = open(directory.path()).unwrap();
    assert_eq!(all(&index).await.unwrap(), written);
    assert_eq!(all(&index.for_tenant("other").unwrap()).await.unwrap(), rows(0..3));
}

#[tokio::test]
async fn what_a_killed_compaction_left_is_swept_away() {
    let directory = tempfile::tempdir().unwrap();
    let index = open(directory.path()).unwrap();
    index.upsert(rows(0..5)).await.unwrap();
    drop(index);
    let draft = directory.path().join("banks.redb.draft");
    fs::write(&draft, "half a file").unwrap();
    assert_eq!(all(&read(directory.path()).unwrap()).await.unwrap(), rows(0..5));
    assert!(draft.exists(), "reading changes nothing");
    assert_eq!(all(&open(directory.path()).unwrap()).await.unwrap(), rows(0..5));
    assert!(!draft.exists());
}

/// As on Windows, where a compaction may have to put the old file under another name before the new one takes its place.
#[tokio::test]
async fn whoever_opens_after_a_compaction_killed_between_its_two_steps_finds_every_row() {
    let directory = tempfile::tempdir().unwrap();
    let index = open(directory.path()).unwrap();
    index.upsert(rows(0..5)).await.unwrap();
    drop(index);
    let aside = |number: u32| directory.path().join(format!("banks.redb.old-{number}"));
    fs::write(aside(9), "a file that an earlier compaction could not remove").unwrap();
    fs::rename(file(directory.path()), aside(10)).unwrap();

    let reader = read(directory.path()).unwrap();
    assert_eq!(all(&reader).await.unwrap(), rows(0..5));
    assert!(reader.stats().await.unwrap().file_bytes > 0);
    assert!(aside(10).exists() && !file(directory.path()).exists(), "reading changes nothing");
    let other = tempfile::tempdir().unwrap();
    assert_eq!(Embedded::salvage(directory.path(), other.path(), DIMENSION, "digest").unwrap().kept, 5);
    let error = Embedded::salvage(other.path(), directory.path(), DIMENSION, "digest").unwrap_err();
    assert!(matches!(error, IndexError::Occupied { .. }), "{error}");

    let index = open(directory.path()).unwrap();
    assert_eq!(all(&index).await.unwrap(), rows(0..5));
    index.upsert(rows(5..6)).await.unwrap();
    drop(index);
    assert!(!aside(10).exists() && aside(9).exists());
    assert_eq!(all(&open(directory.path()).unwrap()).await.unwrap(), rows(0..6));
    assert!(!aside(9).exists(), "swept away");
}

/// A file as the version before wrote it: the vectors' table holds vectors alone.
fn make_layout_1(directory: &Path, rows: &[Row]) {
    use redb::{ReadableDatabase, TableDefinition};
    const MEASURES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("vectors");
    const ABOUT: TableDefinition<'_, &str, &str> = TableDefinition::new("about");

    let database = redb::Builder::new().create(file(directory)).unwrap();
    assert!(database.begin_read().unwrap().open_table(ABOUT).unwrap().get("layout").unwrap().is_some());
    let write = database.begin_write().unwrap();
    {
        let mut table = write.open_table(MEASURES).unwrap();
        for row in rows {
            let body: Vec<u8> = row.vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            let mut sum = crc32fast::Hasher::new();
            for part in [b"tenant", &b"\0"[..], row.id.as_bytes(), b"\0", &body] {
                sum.update(part);
            }
            let stored = [&sum.finalize().to_le_bytes(), body.as_slice()].concat();
            table.insert(("tenant", row.id.as_str()), stored.as_slice()).unwrap();
        }
        write.open_table(ABOUT).unwrap().insert("layout", "1").unwrap();
    }
    write.commit().unwrap();
}

#[tokio::test]
async fn a_file_of_the_layout_before_is_read_as_it_is_and_migrated_when_opened_for_writing() {
    let directory = tempfile::tempdir().unwrap();
    let index = open(directory.path()).unwrap();
    index.upsert(rows(0..30)).await.unwrap();
    let length = |directory: &Path| fs::metadata(file(directory)).unwrap().len();
    drop(index);
    make_layout_1(directory.path(), &rows(0..30));

    let before = (fs::read(file(directory.path())).unwrap(), length(directory.path()));
    assert_eq!(all(&read(directory.path()).unwrap()).await.unwrap(), rows(0..30));
    assert_eq!(fs::read(file(directory.path())).unwrap(), before.0, "reading changes nothing");

    let index = open(directory.path()).unwrap();
    let word = Query::sparse(Terms::of("n7", None), 1);
    assert_eq!(index.nearest(&word).await.unwrap()[0].row.id, "row-00007");
    assert_eq!(all(&index).await.unwrap(), rows(0..30));
    drop(index);
    let layout = {
        use redb::ReadableDatabase;
        let database = redb::Builder::new().open(file(directory.path())).unwrap();
        let table = database.begin_read().unwrap();
        let about = table.open_table(redb::TableDefinition::<&str, &str>::new("about")).unwrap();
        about.get("layout").unwrap().unwrap().value().to_owned()
    };
    assert_eq!(layout, "2");
}

#[test]
fn a_layout_of_a_later_version_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let database = redb::Builder::new().open(file(directory.path())).unwrap();
    let write = database.begin_write().unwrap();
    let about = redb::TableDefinition::<&str, &str>::new("about");
    write.open_table(about).unwrap().insert("layout", "3").unwrap();
    write.commit().unwrap();
    drop(database);
    for open in [open, read] {
        let error = open(directory.path()).unwrap_err();
        let file = file(directory.path());
        assert_eq!(
            error.to_string(),
            format!("{} has layout 3, this version reads layout 2", file.display())
        );
    }
}

/// A directory that not even the superuser may write in.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let error = open(Path::new("/sys/kernel")).unwrap_err();
    assert!(matches!(&error, IndexError::Storage { doing: "open", .. }), "{error}");
    assert_eq!(error.to_string(), "cannot open /sys/kernel/banks.lock");
}
