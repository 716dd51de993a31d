//! Sentences beside an attack: what goes on giving orders belongs to it.

use super::{ALONE, Attack, BESIDE, Family, Reading, sign::Sign, template::Turn};

/// Sentences that may follow an attack and belong to it, one after the other.
const LONGEST: usize = 6;
/// Sentences between a made-up question and its made-up answer, at most.
const APART: usize = 3;
/// How much one line that begins like a turn of a conversation counts.
const ONE_TURN: f32 = 0.35;

/// Looks for a made-up conversation: a person's turn, and after it a model's.
pub(super) fn turns(readings: &mut [Reading]) {
    let mut asked: Option<usize> = None;
    for at in 0..readings.len() {
        let turn = readings.get(at).and_then(|reading| reading.turn);
        let near = asked.filter(|asked| at - asked <= APART);
        let (from, weight) = match (turn, near) {
            (Some(Turn::Model), Some(asked)) => (asked, ALONE),
            (Some(_), _) => (at, ONE_TURN),
            (None, _) => continue,
        };
        for reading in readings.iter_mut().take(at + 1).skip(from) {
            let range = 0..reading.bytes;
            reading.signs.push(Sign { family: Family::Template, weight, range });
        }
        asked = if turn == Some(Turn::Person) { Some(at) } else { None };
    }
}

/// Adds to `found` what belongs to an attack beside it: behind it what has a sign or gives orders, before it what has a
/// sign. An aside has nothing beside it.
pub(super) fn beside(readings: &[Reading], found: &mut [Option<Attack>]) {
    let whole = |at: usize, attack: &Attack| {
        readings.get(at).is_some_and(|reading| attack.range == (0..reading.bytes)).then_some(attack.score)
    };
    let origins: Vec<(usize, f32)> = found
        .iter()
        .enumerate()
        .filter_map(|(at, attack)| Some((at, whole(at, attack.as_ref()?)?)))
        .collect();
    for (origin, score) in origins {
        let attack = |at: usize| {
            let range = 0..readings.get(at).map_or(0, |reading| reading.bytes);
            Attack { score, family: Family::Continuation, range }
        };
        let sign = |at: usize| readings.get(at).is_some_and(|reading| reading.score() >= BESIDE);
        let orders = |at: usize| readings.get(at).is_some_and(|reading| reading.orders);
        mark((origin + 1..readings.len()).take(LONGEST), found, |at| {
            (sign(at) || orders(at)).then(|| attack(at))
        });
        mark((0..origin).rev().take(LONGEST), found, |at| sign(at).then(|| attack(at)));
    }
}

/// Marks what belongs to an attack, until something does not; what was found already stays as it is.
fn mark(
    places: impl Iterator<Item = usize>,
    found: &mut [Option<Attack>],
    belongs: impl Fn(usize) -> Option<Attack>,
) {
    for at in places {
        let Some(place) = found.get_mut(at) else { return };
        if place.is_none() {
            let Some(attack) = belongs(at) else { return };
            *place = Some(attack);
        }
    }
}
