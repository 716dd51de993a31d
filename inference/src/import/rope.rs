//! Rotary positions.
//!
//! *Source*: Su et al. 2021, "`RoFormer`", <https://arxiv.org/abs/2104.09864>; the halves of a head are paired and the
//! angles are computed in single precision, as in transformers.

use super::decoder::Sizes;

/// Cosines and sines of the angles by which pairs are turned.
///
/// - *Shape*: two of `[context, head_room / 2]`. Pairs that were added to the head are not turned.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "positions and sizes are below 2^24; angles are computed in f32, as in the reference"
)]
pub(super) fn tables(measures: Sizes, base: f64) -> [Vec<f32>; 2] {
    let Sizes { head_size, head_room, context, .. } = measures;
    let speeds: Vec<f32> =
        (0..head_size / 2).map(|pair| base.powf(-2.0 * pair as f64 / head_size as f64) as f32).collect();
    let (mut cosines, mut sines) = (Vec::new(), Vec::new());
    for position in 0..context {
        for pair in 0..head_room / 2 {
            let angle = speeds.get(pair).map_or(0.0, |speed| speed * position as f32);
            cosines.push(f64::from(angle).cos() as f32);
            sines.push(f64::from(angle).sin() as f32);
        }
    }
    [cosines, sines]
}
