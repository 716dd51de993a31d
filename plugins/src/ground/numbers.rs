//! Arithmetic that measures share.

/// A count as a number; beyond 65,535 it stays there.
pub(super) fn count(items: usize) -> f32 {
    u16::try_from(items).map_or(f32::from(u16::MAX), f32::from)
}

/// `part` of `whole`; `none` of nothing.
pub(super) fn share(part: f32, whole: f32, none: f32) -> f32 {
    if whole > 0.0 { part / whole } else { none }
}

/// The product of two vectors: a cosine where both have length 1.
pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    // Four sums at a time, so that the compiler may use wide registers.
    let (ones, one_rest) = one.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (one, other) in ones.iter().zip(others) {
        for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
            *sum += one * other;
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}
