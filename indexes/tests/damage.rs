//! Files that something else has changed, and disks that are full.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod clustered;

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;

use clustered::Dice;
use indexes::{Embedded, Filter, Index, IndexError, Query, Row};

const DIMENSION: usize = 32;

fn rows() -> Vec<Row> {
    (0..240).map(|number| Dice(number as u64).row(number, DIMENSION)).collect()
}

type Open = fn(&Path, &str, usize, &str) -> Result<Embedded, IndexError>;
const WAYS: [Open; 2] = [Embedded::open, Embedded::open_read_only];

/// Opens a file of these bytes and uses every row; gives back the rows.
async fn read(bytes: &[u8], open: Open) -> Result<Vec<Row>, IndexError> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("banks.redb"), bytes).unwrap();
    let found = async {
        let index = open(directory.path(), "tenant", DIMENSION, "digest")?;
        index.nearest(&Query::new(Dice(1).vector(DIMENSION), 10)).await?;
        // A writer that trusts a damaged file may overwrite rows with new ones.
        let more = (1_000..1_040).map(|number| Dice(1).row(number, DIMENSION)).collect::<Vec<Row>>();
        let ids: Vec<String> = more.iter().map(|row| row.id.clone()).collect();
        match index.upsert(more).await {
            Err(IndexError::ReadOnly { .. }) => {}
            written => written.and(index.remove(&ids).await.map(|_| ()))?,
        }
        let rows = index.scan(None, usize::MAX, &Filter::default()).await?.rows;
        Ok(rows.iter().map(|row| Row::clone(row)).collect())
    }
    .await;
    if let Err(error) = &found {
        let file = directory.path().join("banks.redb").display().to_string();
        assert!(IndexError::to_string(error).contains(&file), "{error} does not name {file}");
    }
    found
}

/// The bytes of an index with some history: rows added in parts, some replaced, some removed and added again.
async fn whole() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let index = Embedded::open(directory.path(), "tenant", DIMENSION, "digest").unwrap();
    for part in rows().chunks(60) {
        index.upsert(part.to_vec()).await.unwrap();
    }
    index.remove(&["row-00003".to_owned()]).await.unwrap();
    index.upsert(rows()[..10].to_vec()).await.unwrap();
    drop(index);
    fs::read(directory.path().join("banks.redb")).unwrap()
}

#[tokio::test]
async fn a_changed_file_is_refused_by_name_or_answers_with_every_row() {
    change_files(100, 5).await;
}

#[tokio::test]
#[ignore = "takes minutes: benches/soak/durability"]
async fn soak_a_file_is_changed_at_1000_places() {
    let (refused, answered) = change_files(1_000, 6).await;
    println!(
        "\n1,000 changes, each opened in two ways: {refused} refused, {answered} answered with every row"
    );
}

/// Cuts a file or turns a bit of it over, opens it in each way, and says how often it was refused and how often answered.
async fn change_files(places: usize, seed: u64) -> (usize, usize) {
    let whole = whole().await;
    assert_eq!(read(&whole, WAYS[0]).await.unwrap(), rows());
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut dice = Dice(seed);
    let (mut refused, mut answered) = (0, 0);
    for place in 0..places {
        let mut bytes = whole.clone();
        let at = match place % 4 {
            0 => dice.below(512),
            1 => dice.below(whole.len()),
            _ => dice.below(used),
        };
        if place % 8 == 7 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << dice.below(8);
        }
        for open in WAYS {
            match read(&bytes, open).await {
                Ok(found) => {
                    assert!(found == rows(), "rows are missing or wrong after a change at {at}");
                    answered += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    let enough = places / 4;
    assert!(
        refused > enough && answered > enough,
        "{refused} refused, {answered} answered: the test finds nothing"
    );
    (refused, answered)
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() {
    for bytes in [b"not an index at all".to_vec(), vec![0; 4096], vec![0xFF; 1 << 20]] {
        for open in WAYS {
            let error = read(&bytes, open).await.unwrap_err();
            assert!(matches!(error, IndexError::Damaged { .. }), "{error}");
        }
    }
}

/// The limit lies on the child alone: a shell sets it, and tells the system to report it as an error.
#[cfg(unix)]
#[tokio::test]
async fn when_the_disk_is_full_earlier_rows_still_answer_and_stay() {
    let directory = tempfile::tempdir().unwrap();
    let limited = "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\"";
    let child = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "fills_the_disk"])
        .arg(directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    let acknowledged = said.lines().find_map(|line| line.strip_prefix("acknowledged ")).expect("a count");
    let index = Embedded::open(directory.path(), "tenant", DIMENSION, "digest").unwrap();
    assert_eq!(index.count(&Filter::default()).await.unwrap(), acknowledged.parse::<usize>().unwrap());
}

#[tokio::test]
#[ignore = "a child of when_the_disk_is_full_earlier_rows_still_answer_and_stay"]
async fn fills_the_disk() {
    let Some(directory) =
        std::env::args().next_back().map(std::path::PathBuf::from).filter(|last| last.is_dir())
    else {
        return;
    };
    let index = Embedded::open(&directory, "tenant", DIMENSION, "digest").unwrap();
    let row = |number: usize| Row { text: "x".repeat(2_000), ..Dice(1).row(number, DIMENSION) };
    let mut acknowledged = 0;
    let error = loop {
        match index.upsert(vec![row(acknowledged)]).await {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 10_000, "the limit does not hold");
    };
    assert!(matches!(error, IndexError::Storage { doing: "write", .. }), "{error}");
    let hits = index.nearest(&Query::new(row(0).vector, 10)).await.unwrap();
    assert_eq!(hits.len(), 10);
    assert_eq!(index.count(&Filter::default()).await.unwrap(), acknowledged);
    println!("\nacknowledged {acknowledged}");
}

/// What `salvage` brings out of these bytes: the rows and how many it says are lost.
async fn salvaged(bytes: &[u8]) -> Result<(Vec<Row>, Vec<String>, u64), IndexError> {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(from.path().join("banks.redb"), bytes).unwrap();
    let found = Embedded::salvage(from.path(), to.path(), DIMENSION, "digest");
    assert_eq!(fs::read(from.path().join("banks.redb")).unwrap(), bytes, "what is damaged stays as it is");
    let found = found?;
    let index = Embedded::open(to.path(), "tenant", DIMENSION, "digest").unwrap();
    let rows = index.scan(None, usize::MAX, &Filter::default()).await.unwrap().rows;
    assert_eq!(rows.len(), found.kept);
    let lost = found.lost.into_iter().map(|lost| lost.id).collect();
    Ok((rows.iter().map(|row| Row::clone(row)).collect(), lost, found.unnamed))
}

#[tokio::test]
async fn salvaging_keeps_what_is_whole_and_says_what_is_not() {
    let whole = whole().await;
    assert!(salvaged(&whole).await.unwrap() == (rows(), Vec::new(), 0));

    // One byte of one vector.
    let vector: Vec<u8> = rows()[17].vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut bytes = whole.clone();
    let places = (0..bytes.len() - vector.len()).filter(|at| bytes[*at..].starts_with(&vector));
    for at in places.collect::<Vec<usize>>() {
        bytes[at] ^= 1;
    }
    assert!(matches!(read(&bytes, Embedded::open).await, Err(IndexError::Damaged { .. })));
    let (kept, lost, unnamed) = salvaged(&bytes).await.unwrap();
    assert_eq!((lost, unnamed), (vec!["row-00017".to_owned()], 0));
    assert!(kept.iter().eq(rows().iter().filter(|row| row.id != "row-00017")));
}

#[tokio::test]
async fn salvaging_any_changed_file_gives_whole_rows_and_accounts_for_the_others() {
    let whole = whole().await;
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let known = rows();
    let mut dice = Dice(6);
    let (mut partly, mut not_at_all) = (0, 0);
    for _ in 0..30 {
        let mut bytes = whole.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(used);
            bytes[at] ^= 1 << dice.below(8);
        }
        match salvaged(&bytes).await {
            Ok((kept, lost, unnamed)) => {
                assert!(kept.iter().all(|row| known.contains(row)), "a row is not as it was written");
                assert!(kept.len() + lost.len() + usize::try_from(unnamed).unwrap() >= known.len());
                partly += usize::from(kept.len() < known.len());
            }
            Err(IndexError::Damaged { .. } | IndexError::OtherEncoder { .. }) => not_at_all += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(partly > 3, "{partly} in part, {not_at_all} not at all: the test finds nothing");
}
