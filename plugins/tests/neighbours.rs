//! The vote of the precedents around a text.

use plugins::{ramp, vote};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_share_and_their_sum_lie_within_0_and_1_whatever_is_voted_on(
        neighbours in vec((prop_oneof![-1.0_f32..=1.0, Just(f32::NAN), Just(f32::INFINITY)], 0_u8..4), 0..80),
        lines in (-1.0_f32..0.9, 0.01_f32..1.0),
    ) {
        let voices = vote(neighbours.iter().copied());
        prop_assert!(voices.values().all(|voice| voice.share > 0.0), "{voices:?}");
        prop_assert!(voices.values().map(|voice| voice.share).sum::<f32>() < 1.0, "{voices:?}");
        for (side, voice) in &voices {
            let own = neighbours.iter().filter(|(similarity, of)| of == side && similarity.is_finite());
            let nearest = own.map(|(similarity, _)| *similarity).fold(-1.0, f32::max);
            prop_assert!((voice.nearest - nearest).abs() < f32::EPSILON, "{side}: {voice:?}, {nearest}");
            let score = voice.share * ramp(voice.nearest, (lines.0, lines.0 + lines.1));
            prop_assert!((0.0..=1.0).contains(&score), "{score}");
        }
    }
}

#[test]
fn one_neighbour_has_less_than_half_of_the_say_and_many_have_nearly_all() {
    let share = |count: usize| vote(std::iter::repeat_n((0.8, ()), count))[&()].share;
    assert!(share(1) < 0.5 && share(2) > 0.5, "{} {}", share(1), share(2));
    assert!(share(32) > 0.95 && (share(32) - share(90)).abs() < f32::EPSILON, "more than 32 are not heard");
}

#[test]
fn a_near_neighbour_outweighs_several_far_ones() {
    let far = std::iter::repeat_n((0.4, "far"), 5);
    let voices = vote(far.chain([(0.7, "near")]));
    assert!(voices["near"].share > 2.0 * voices["far"].share, "{voices:?}");
    assert!(vote::<u8>([]).is_empty(), "nobody, no vote");
}
