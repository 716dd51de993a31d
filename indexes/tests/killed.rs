//! What is there after a writer was killed.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod clustered;
mod processes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clustered::Dice;
use indexes::{Embedded, Filter, Index, IndexError, Row};
use processes::{child, given_directory, lines, say};

const DIMENSION: usize = 32;

fn open(directory: &Path) -> Result<Embedded, IndexError> {
    Embedded::open(directory, "tenant", DIMENSION, "digest")
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
async fn a_writer_killed_at_any_moment_loses_nothing_it_acknowledged() {
    kill_writers(10, 11).await;
}

/// Half of the kills are aimed at compactions.
#[tokio::test]
#[ignore = "takes minutes: benches/soak/durability"]
async fn soak_200_writers_are_killed() {
    let compacting = kill_writers(200, 12).await;
    say(&format!("200 writers killed, {compacting} of them while a compaction had a file under way"));
    assert!(compacting > 10, "too few compactions were hit");
}

/// Kills writers, one after the other in the same directory, and looks what is there. Says how many left a compaction
/// unfinished.
async fn kill_writers(rounds: usize, seed: u64) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let mut dice = Dice(seed);
    // By number: the version that is there, or none.
    let mut expected: BTreeMap<usize, Option<u64>> = BTreeMap::new();
    let mut compacting = 0;
    for round in 0..rounds {
        let mut writer = child("writes_until_killed", &[directory.path()]).spawn().unwrap();
        let acknowledged = dice.below(25);
        let mut last: Option<String> = None;
        let mut said = lines(&mut writer, "done ");
        let (mut steps, mut aim) = (0, false);
        while !aim && (round % 2 == 1 || steps < acknowledged) {
            let Some(line) = said.next() else { break };
            if line == "so far" {
                aim = round % 2 == 1 && steps >= acknowledged;
                continue;
            }
            steps += 1;
            apply(&mut expected, &line);
            last = Some(line);
        }
        std::thread::sleep(Duration::from_micros(dice.throw() % 8_000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        for line in said.filter(|line| line != "so far") {
            apply(&mut expected, &line);
            last = Some(line);
        }
        compacting += usize::from(directory.path().join("banks.redb.draft").exists());
        if last.is_none() && !file(directory.path()).exists() {
            continue;
        }

        let index = open(directory.path()).unwrap();
        let found: BTreeMap<String, u64> =
            all(&index).await.unwrap().iter().map(|row| (row.id.clone(), row.created)).collect();
        // At most the one write that was under way may be there without having been acknowledged, and then whole.
        let mut possible = vec![expected.clone()];
        let step: u64 = last.map_or_else(|| next_step(&expected), |line| parse(&line) + 1);
        let mut unsaid = expected.clone();
        change(&mut unsaid, step);
        possible.push(unsaid);
        let matching = possible.into_iter().find(|possible| {
            let rows = possible
                .iter()
                .filter_map(|(number, created)| Some((format!("row-{number:05}"), (*created)?)));
            rows.eq(found.iter().map(|(id, created)| (id.clone(), *created)))
        });
        expected = matching.unwrap_or_else(|| panic!("round {round}: {found:?} instead of {expected:?}"));
    }
    assert!(expected.len() > 20, "too little was written to say anything");
    compacting
}

/// The step after the last one that left a trace.
fn next_step(state: &BTreeMap<usize, Option<u64>>) -> u64 {
    state.values().flatten().max().map_or(0, |step| step + 1)
}

fn parse(line: &str) -> u64 {
    line.trim().parse().unwrap()
}

fn apply(state: &mut BTreeMap<usize, Option<u64>>, line: &str) {
    change(state, parse(line));
}

/// What step `step` writes: four rows that carry the step's number; every third step removes one, too.
fn touched(step: u64) -> (Vec<usize>, Option<usize>) {
    let mut dice = Dice(step);
    let written = (0..4).map(|_| dice.below(60)).collect();
    (written, (step % 3 == 2).then(|| dice.below(60)))
}

fn change(state: &mut BTreeMap<usize, Option<u64>>, step: u64) {
    let (written, removed) = touched(step);
    match removed {
        Some(removed) => drop(state.insert(removed, None)),
        None => state.extend(written.into_iter().map(|number| (number, Some(step)))),
    }
}

#[tokio::test]
#[ignore = "a child of a_writer_killed_at_any_moment_loses_nothing_it_acknowledged"]
async fn writes_until_killed() {
    let Some(directory) = given_directory() else { return };
    let index = open(&directory).unwrap();
    let found = all(&index).await.unwrap();
    let mut step = found.iter().map(|row| row.created + 1).max().unwrap_or(0);
    loop {
        let (written, removed) = touched(step);
        if let Some(removed) = removed {
            index.remove(&[format!("row-{removed:05}")]).await.unwrap();
        } else {
            let rows = rows(written).into_iter().map(|row| Row { created: step, ..row });
            index.upsert(rows.collect()).await.unwrap();
        }
        say(&format!("done {step}"));
        if step % 4 == 3 {
            say("done so far");
            index.compact().await.unwrap();
        }
        step += 1;
    }
}
