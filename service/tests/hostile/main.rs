//! Hostile input: a service under a few hundred requests that no honest client sends.
//!
//! `benches/soak/hostile.rs` sends a hundred thousand, and looks at memory as well.

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod campaign;

use std::path::Path;

use campaign::House;

#[test]
fn no_hostile_request_makes_the_service_panic_fail_or_give_a_text_away() {
    let house = House::start(Path::new(env!("CARGO_BIN_EXE_lamassu")));
    let before = house.takes();
    let figures = campaign::run(house.address, 1, 0..400, 4);
    let faults = house.stop();
    assert!(figures.faults == 0, "{} answers are wrong: {:#?}", figures.faults, figures.told);
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(figures.requests >= 400 && figures.statuses.len() > 4, "{figures:?}, {before:?}");
    // Some were honest, or the others prove nothing.
    assert!(figures.statuses.contains_key(&200) && figures.statuses.contains_key(&400), "{figures:?}");
}
