//! Rounding weights to 8 or 4 bits.

/// Added and taken away again, it leaves a number of up to 22 bits rounded, ties to even.
const ROUND: f32 = 12_582_912.0;

/// The nearest whole number of one that is small.
fn rounded(number: f32) -> i32 {
    (number + ROUND).to_bits().cast_signed().wrapping_sub(ROUND.to_bits().cast_signed())
}

/// Rounds a row to 8 bits with one scale, as `DynamicQuantizeMatMul` wants a channel; gives the scale.
#[expect(clippy::cast_possible_truncation, reason = "the quotient lies between -127 and 127")]
pub(super) fn channel(row: &[f32], packed: &mut [i8]) -> f32 {
    let largest = row.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    if largest == 0.0 {
        packed.fill(0);
        return 1.0;
    }
    let inverse = 127.0 / largest;
    for (packed, weight) in packed.iter_mut().zip(row) {
        *packed = rounded(weight * inverse) as i8;
    }
    largest / 127.0
}

/// How `MatMulNBits` keeps weights: `bits` a weight, one scale for every `block` of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocks {
    pub(super) bits: u8,
    pub(super) block: usize,
}

impl Blocks {
    /// Blocks of a row of so many weights; the last may not be full.
    pub(super) fn of_row(self, width: usize) -> usize {
        width.div_ceil(self.block)
    }

    /// Bytes of a block.
    pub(super) fn bytes(self) -> usize {
        self.block * usize::from(self.bits) / 8
    }

    /// Rounds a row, and adds its blocks and their scales to what there is.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "at most 8 bits, clamped"
    )]
    pub(super) fn pack(self, row: &[f32], packed: &mut Vec<u8>, scales: &mut Vec<f32>) {
        let zero = 1_i32 << (self.bits - 1);
        let mut numbers = Vec::with_capacity(self.block);
        for block in row.chunks(self.block) {
            // The end that has one step more is given to the side with the largest weight.
            let extreme = block.iter().copied().fold(0.0_f32, |a, b| if b.abs() > a.abs() { b } else { a });
            let scale = if extreme == 0.0 { 1.0 } else { -extreme / zero as f32 };
            let inverse = 1.0 / scale;
            numbers.clear();
            numbers.extend(block.iter().map(|w| (rounded(w * inverse) + zero).clamp(0, 2 * zero - 1) as u8));
            numbers.resize(self.block, zero as u8);
            if self.bits == 8 {
                packed.extend_from_slice(&numbers);
            } else {
                packed.extend(numbers.as_chunks::<2>().0.iter().map(|[low, high]| low | (high << 4)));
            }
            scales.push(scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_at_most_half_a_step_off() {
        let row: Vec<f32> = (0..100_i16).map(|at| (f32::from(at) * 0.37).sin() * 3.0).collect();
        let mut packed = vec![0; row.len()];
        let scale = channel(&row, &mut packed);
        for (weight, packed) in row.iter().zip(&packed) {
            assert!((weight - f32::from(*packed) * scale).abs() <= scale * 0.501, "{weight} {packed}");
        }
        assert!(packed.contains(&127) || packed.contains(&-127));
        assert_eq!((channel(&[0.0; 4], &mut packed[..4]), &packed[..4]), (1.0, &[0; 4][..]));
    }

    #[test]
    fn blocks_hold_the_largest_weight_exactly_and_are_filled_up_with_zeros() {
        let row = [0.5, -1.0, 0.25, 1.75, 3.0];
        let blocks = Blocks { bits: 4, block: 4 };
        let (mut packed, mut scales) = (Vec::new(), Vec::new());
        blocks.pack(&row, &mut packed, &mut scales);
        assert_eq!((packed.len(), scales.len(), blocks.of_row(5), blocks.bytes()), (4, 2, 2, 2));
        let nibbles: Vec<f32> = packed
            .iter()
            .flat_map(|byte| [byte & 15, byte >> 4])
            .map(|nibble| f32::from(nibble) - 8.0)
            .collect();
        let weights: Vec<f32> =
            nibbles.iter().zip(scales.iter().flat_map(|scale| [*scale; 4])).map(|(a, b)| a * b).collect();
        assert_eq!(weights[3..], [1.75, 3.0, 0.0, 0.0, 0.0]);
        assert!(weights.iter().zip(row).all(|(found, weight)| (found - weight).abs() <= 1.75 / 16.0));
    }

    #[test]
    fn eight_bits_are_sixteen_times_as_close_as_four() {
        let row: Vec<f32> = (0..64_i16).map(|at| (f32::from(at) * 0.7).cos()).collect();
        let (mut packed, mut scales) = (Vec::new(), Vec::new());
        Blocks { bits: 8, block: 32 }.pack(&row, &mut packed, &mut scales);
        for ((weight, byte), scale) in
            row.iter().zip(&packed).zip(scales.iter().flat_map(|scale| [*scale; 32]))
        {
            assert!((weight - (f32::from(*byte) - 128.0) * scale).abs() <= scale.abs() * 1.001);
        }
    }
}
