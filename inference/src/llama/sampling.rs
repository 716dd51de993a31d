//! Which token comes next.

use std::collections::{HashMap, HashSet};

use crate::InferenceError;

/// How the next token is chosen. The default is the likeliest, always.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// What logits are divided by, `0.0..=100.0`; 0 takes the likeliest token, whatever the other fields of chance say.
    pub temperature: f32,
    /// Only the likeliest tokens that together have this probability, above `0.0` and up to `1.0`, which is all.
    pub top_p: f32,
    /// Only so many of the likeliest tokens; 0 for all.
    pub top_k: usize,
    /// Only tokens at least so likely as a share of the likeliest, `0.0..1.0`.
    pub min_p: f32,
    /// What logits of tokens in prompt or text are divided by, or times where they are negative; above `0.0`, 1 for
    /// none. *Source*: Keskar et al. 2019, "CTRL", section 4.1.
    pub repetition: f32,
    /// Taken from a token's logit for each time it is in the text, `-100.0..=100.0`.
    pub frequency: f32,
    /// Taken from a token's logit if it is in the text at all, `-100.0..=100.0`.
    pub presence: f32,
    /// Added to the logits of tokens; `-inf` forbids one.
    pub bias: Vec<(u32, f32)>,
    /// Where chance begins: the same seed gives the same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            repetition: 1.0,
            frequency: 0.0,
            presence: 0.0,
            bias: Vec::new(),
            seed: 0,
        }
    }
}

impl Sampling {
    fn repeats_freely(&self) -> bool {
        (self.repetition - 1.0).abs() < f32::EPSILON
    }

    pub(super) fn check(&self, vocabulary: usize) -> Result<(), InferenceError> {
        let bounds = [
            ("temperature", (0.0..=100.0).contains(&self.temperature), "0 to 100"),
            ("top_p", self.top_p > 0.0 && self.top_p <= 1.0, "above 0 and at most 1"),
            ("min_p", (0.0..1.0).contains(&self.min_p), "at least 0 and below 1"),
            ("repetition", self.repetition > 0.0 && self.repetition <= 100.0, "above 0 and at most 100"),
            ("frequency", (-100.0..=100.0).contains(&self.frequency), "-100 to 100"),
            ("presence", (-100.0..=100.0).contains(&self.presence), "-100 to 100"),
            ("bias", self.bias.iter().all(|(_, bias)| *bias < f32::INFINITY), "numbers below infinity"),
        ];
        if let Some((option, _, rule)) = bounds.into_iter().find(|(_, holds, _)| !holds) {
            return Err(InferenceError::BadOption { option, rule: rule.to_owned() });
        }
        let known = |id: u32| usize::try_from(id).is_ok_and(|id| id < vocabulary);
        match self.bias.iter().find(|(id, _)| !known(*id)) {
            Some((id, _)) => Err(InferenceError::UnknownToken { id: *id, vocabulary }),
            None => Ok(()),
        }
    }
}

/// Chooses the tokens of one text.
#[derive(Debug)]
pub(super) struct Sampler {
    sampling: Sampling,
    seen: HashSet<u32>,
    counts: HashMap<u32, f32>,
    step: u64,
}

/// A token that may come next, with its logit divided by the temperature.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    id: u32,
    logit: f64,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling, prompt: &[u32]) -> Self {
        // Kept only where it is looked at.
        let seen = if sampling.repeats_freely() { HashSet::new() } else { prompt.iter().copied().collect() };
        Self { sampling, seen, counts: HashMap::new(), step: 0 }
    }

    /// The next token by its logits, `[vocabulary]`, among those that `allowed` says may come.
    pub(super) fn next(
        &mut self,
        logits: &mut [f32],
        allowed: impl Fn(u32) -> bool,
    ) -> Result<u32, ort::Error> {
        self.adjust(logits);
        if logits.iter().any(|logit| logit.is_nan() || *logit == f32::INFINITY) {
            return Err(ort::Error::new("the logits are not finite numbers"));
        }
        let temperature =
            if self.sampling.temperature > 0.0 { f64::from(self.sampling.temperature) } else { 1.0 };
        let mut candidates: Vec<Candidate> = (0..)
            .zip(logits.iter())
            .filter(|(id, logit)| logit.is_finite() && allowed(*id))
            .map(|(id, logit)| Candidate { id, logit: f64::from(*logit) / temperature })
            .collect();
        let chosen = if self.sampling.temperature > 0.0 {
            self.narrow(&mut candidates);
            self.draw(&candidates)
        } else {
            // The first of the largest.
            candidates.iter().copied().reduce(|best, next| if next.logit > best.logit { next } else { best })
        };
        let chosen = chosen.ok_or_else(|| ort::Error::new("no token may come next"))?.id;
        self.step += 1;
        if !self.sampling.repeats_freely() {
            self.seen.insert(chosen);
        }
        *self.counts.entry(chosen).or_default() += 1.0;
        Ok(chosen)
    }

    fn adjust(&self, logits: &mut [f32]) {
        let sampling = &self.sampling;
        let mut change = |id: u32, change: &dyn Fn(f32) -> f32| {
            if let Some(logit) = usize::try_from(id).ok().and_then(|id| logits.get_mut(id)) {
                *logit = change(*logit);
            }
        };
        for (id, bias) in &sampling.bias {
            change(*id, &|logit| logit + bias);
        }
        let times = sampling.repetition;
        for id in &self.seen {
            change(*id, &|logit| if logit > 0.0 { logit / times } else { logit * times });
        }
        if sampling.frequency != 0.0 || sampling.presence != 0.0 {
            for (id, count) in &self.counts {
                change(*id, &|logit| logit - sampling.frequency * count - sampling.presence);
            }
        }
    }

    /// Leaves those that `top_k`, `top_p` and `min_p` let through, in this order.
    fn narrow(&self, candidates: &mut Vec<Candidate>) {
        let Sampling { top_p, top_k, min_p, .. } = self.sampling;
        if top_k == 0 && top_p >= 1.0 && min_p <= 0.0 {
            return;
        }
        let likelier = |a: &Candidate, b: &Candidate| b.logit.total_cmp(&a.logit).then(a.id.cmp(&b.id));
        if top_k > 0 && top_k < candidates.len() {
            candidates.select_nth_unstable_by(top_k - 1, likelier);
            candidates.truncate(top_k);
        }
        let largest = candidates.iter().map(|one| one.logit).fold(f64::NEG_INFINITY, f64::max);
        let weight = |one: &Candidate| (one.logit - largest).exp();
        if top_p < 1.0 {
            candidates.sort_unstable_by(likelier);
            let all: f64 = candidates.iter().map(weight).sum();
            let mut before = 0.0;
            let kept = candidates.iter().take_while(|one| {
                let is_in = before < f64::from(top_p) * all;
                before += weight(one);
                is_in
            });
            let kept = kept.count();
            candidates.truncate(kept);
        }
        if min_p > 0.0 {
            candidates.retain(|one| weight(one) >= f64::from(min_p));
        }
    }

    /// Draws one with its probability: the largest logit after each was given noise of its own. Unlike a running sum
    /// over probabilities, that does not hang on what other tokens' logits are in their last digit.
    ///
    /// *Source*: Gumbel 1954; Maddison, Tarlow, Minka 2014, "A* Sampling", section 2.
    fn draw(&self, candidates: &[Candidate]) -> Option<Candidate> {
        let noisy = |one: &Candidate| one.logit - (-self.chance(one.id).ln()).ln();
        candidates.iter().copied().max_by(|a, b| noisy(a).total_cmp(&noisy(b)).then(b.id.cmp(&a.id)))
    }

    /// A number above 0 and below 1 that hangs on the seed, the place in the text and the token, and on nothing else.
    ///
    /// *Source*: the finalizer of `SplitMix64`, Steele, Lea, Flood 2014, figure 17.
    fn chance(&self, id: u32) -> f64 {
        let mix = |mut bits: u64| {
            bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^ (bits >> 31)
        };
        let bits = mix(mix(mix(self.sampling.seed) ^ self.step) ^ u64::from(id));
        #[expect(clippy::cast_precision_loss, reason = "52 bits are exact in a float of 53")]
        let number = (bits >> 12) as f64;
        (number + 0.5) * 2_f64.powi(-52)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(sampling: &Sampling, logits: &[f32], times: u64) -> Vec<usize> {
        let mut counts = vec![0; logits.len()];
        for seed in 0..times {
            let mut sampler = Sampler::new(Sampling { seed, ..sampling.clone() }, &[]);
            let id = sampler.next(&mut logits.to_vec(), |_| true).expect("a token");
            counts[usize::try_from(id).expect("small")] += 1;
        }
        counts
    }

    fn warm() -> Sampling {
        Sampling { temperature: 1.0, ..Sampling::default() }
    }

    #[test]
    fn tokens_are_drawn_as_often_as_they_are_likely() {
        // Probabilities 0.5, 0.25, 0.125, 0.125.
        let logits = [2.0, 1.0, 0.0, 0.0].map(|power: f32| power * std::f32::consts::LN_2);
        let counts = drawn(&warm(), &logits, 20_000);
        for (count, expected) in counts.iter().zip([10_000.0, 5_000.0, 2_500.0, 2_500.0]) {
            let off = (f64::from(u32::try_from(*count).expect("few")) - expected).abs();
            // Five standard deviations of the broadest.
            assert!(off < 360.0, "{counts:?}");
        }
        let flat = drawn(&Sampling { temperature: 100.0, ..warm() }, &logits, 4_000);
        assert!(flat.iter().all(|count| (850..1150).contains(count)), "{flat:?}");
    }

    #[test]
    fn narrowing_leaves_the_likeliest_and_no_others() {
        let logits = [0.0, 3.0, 2.0, 1.0];
        let only = |sampling: Sampling| -> Vec<usize> {
            let counts = drawn(&sampling, &logits, 2_000);
            (0..counts.len()).filter(|id| counts[*id] > 0).collect()
        };
        assert_eq!(only(warm()), [0, 1, 2, 3]);
        assert_eq!(only(Sampling { top_k: 2, ..warm() }), [1, 2]);
        // Their probabilities are 0.64, 0.24, 0.09 and 0.03.
        assert_eq!(only(Sampling { top_p: 0.6, ..warm() }), [1]);
        assert_eq!(only(Sampling { top_p: 0.9, ..warm() }), [1, 2, 3]);
        assert_eq!(only(Sampling { min_p: 0.3, ..warm() }), [1, 2]);
        assert_eq!(only(Sampling { top_k: 3, top_p: 0.99, min_p: 0.3, ..warm() }), [1, 2]);
    }

    #[test]
    fn penalties_and_bias_move_the_likeliest() {
        let logits = [1.0, 1.2, -1.0];
        let after = |sampling: Sampling, prompt: &[u32]| -> Vec<u32> {
            let mut sampler = Sampler::new(sampling, prompt);
            (0..4).map(|_| sampler.next(&mut logits.to_vec(), |_| true).expect("a token")).collect()
        };
        assert_eq!(after(Sampling::default(), &[]), [1, 1, 1, 1]);
        assert_eq!(after(Sampling { repetition: 1.5, ..Sampling::default() }, &[1]), [0, 1, 1, 1]);
        assert_eq!(after(Sampling { presence: 0.5, ..Sampling::default() }, &[]), [1, 0, 1, 1]);
        assert_eq!(after(Sampling { frequency: 0.3, ..Sampling::default() }, &[]), [1, 0, 1, 0]);
        assert_eq!(after(Sampling { bias: vec![(2, 4.0)], ..Sampling::default() }, &[]), [2, 2, 2, 2]);
        let never = vec![(1, f32::NEG_INFINITY), (0, f32::NEG_INFINITY)];
        assert_eq!(after(Sampling { bias: never, ..warm() }, &[]), [2, 2, 2, 2]);
    }

    #[test]
    fn the_same_seed_draws_the_same_and_logits_that_differ_in_the_last_digit_do_not_matter() {
        let logits: Vec<f32> = (0..500_u16).map(|id| f32::from(id * 37 % 101) / 40.0).collect();
        let text = |seed: u64, shake: f32| -> Vec<u32> {
            let mut sampler = Sampler::new(Sampling { seed, top_p: 0.95, ..warm() }, &[]);
            let shaken = |at: usize| logits[at] + if at.is_multiple_of(2) { shake } else { -shake };
            (0..50)
                .map(|_| {
                    let mut logits: Vec<f32> = (0..logits.len()).map(shaken).collect();
                    sampler.next(&mut logits, |_| true).expect("a token")
                })
                .collect()
        };
        assert_eq!(text(7, 0.0), text(7, 1e-6));
        assert_ne!(text(7, 0.0), text(8, 0.0));
    }

    #[test]
    fn what_cannot_be_chosen_from_is_an_error() {
        let mut sampler = Sampler::new(Sampling::default(), &[]);
        assert!(sampler.next(&mut [1.0, f32::NAN], |_| true).is_err());
        assert!(sampler.next(&mut [1.0, 2.0], |_| false).is_err());
        assert_eq!(sampler.next(&mut [1.0, 2.0], |id| id == 0).expect("the one"), 0);
    }
}
