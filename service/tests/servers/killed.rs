//! Migrations that are killed.

use std::path::Path;

use crate::servers::Servers;
use crate::stand_in::Fault;
use crate::support::{assert_fails, err, out};
use crate::{KEY, command, filled, until};

/// The rows in force, by id.
fn exported(data: &Path, servers: &Servers) -> Vec<String> {
    let output = command(data, servers, &["export", "precedents"]).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    let mut lines: Vec<String> = out(&output).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Kills migrations to `to` where the servers have been asked a number of times given by chance, and looks each time
/// whether the rows in force are whole; then lets one end.
fn killed_migrations(data: &Path, servers: &Servers, (to, kills, dice): (&str, usize, &mut u64)) {
    let before = exported(data, servers);
    let mut killed = 0;
    while killed < kills {
        // A linear congruential generator, Knuth's MMIX.
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let reached = usize::try_from(*dice >> 33).unwrap() % 26;
        let asked = servers.cluster.calls();
        let mut faults = vec![None; reached];
        faults.push(Some(Fault::Dropped));
        servers.cluster.forgive();
        servers.cluster.next(&faults);
        let mut child = command(data, servers, &["migrate", "--to", to]).spawn().expect("it starts");
        // It waits there for an answer that never comes, or has ended before.
        until("the place to kill it", || servers.cluster.calls() > asked + reached || has_ended(&child));
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        servers.cluster.forgive();
        killed += 1;
        // A file that was not closed is read again once it was opened for writing, whatever the command then finds.
        command(data, servers, &["remove", "precedents", "nobody"]).output().expect("it runs");
        assert_eq!(exported(data, servers), before, "killed at call {reached} on the way to {to}");
    }
    let output = command(data, servers, &["migrate", "--to", to]).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).contains(&format!("in `{to}`")), "{}", out(&output));
    assert_eq!(exported(data, servers), before);
    assert!(!data.join("migrating").exists());
}

/// Whether the process is gone or waits to be asked how it ended.
fn has_ended(child: &std::process::Child) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{}/stat", child.id()));
    state
        .map_or(true, |state| state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[test]
fn a_migration_killed_at_any_call_leaves_the_old_engine_in_force_and_the_next_one_ends_it() {
    let servers = Servers::new(KEY);
    let (data, mut dice) = (filled(&servers), 5);
    killed_migrations(data.path(), &servers, ("qdrant", 3, &mut dice));
    // From here on the embedded file is stale: what is done now must survive the way back.
    let removed =
        command(data.path(), &servers, &["remove", "precedents", "rivers"]).output().expect("it runs");
    assert!(removed.status.success(), "{}", err(&removed));
    assert_eq!(exported(data.path(), &servers).len(), 7);
    let mut stale = command(data.path(), &servers, &["list"]);
    let stale = stale.env("LAMASSU_INDEX__ENGINE", "embedded").output().expect("it runs");
    assert_fails(&stale, "the banks were moved to `qdrant`, and `index.engine` says `embedded`");
    killed_migrations(data.path(), &servers, ("embedded", 3, &mut dice));
    assert_eq!(exported(data.path(), &servers).len(), 7);
    servers.cut();
    assert_eq!(exported(data.path(), &servers).len(), 7, "the servers are not needed any more");
}

#[test]
#[ignore = "minutes long: benches/soak/durability runs it"]
fn soak_60_migrations_are_killed() {
    let servers = Servers::new(KEY);
    let (data, mut dice) = (filled(&servers), 77);
    for round in 0..6 {
        let to = ["qdrant", "embedded"][round % 2];
        killed_migrations(data.path(), &servers, (to, 10, &mut dice));
        let id = ["rivers", "candles", "lawyers", "onions", "violins", "carpets"][round];
        let removed =
            command(data.path(), &servers, &["remove", "precedents", id]).output().expect("it runs");
        assert!(removed.status.success(), "{}", err(&removed));
        assert_eq!(exported(data.path(), &servers).len(), 7 - round);
    }
}
