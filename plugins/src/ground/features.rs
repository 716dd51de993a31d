//! What is measured of a claim and its sources. No single number decides; the model weighs them.

use super::align::{Diff, diff};
use super::numbers::{count, dot, share};
use super::scene::{Scene, has};
use super::sources::Sources;
use super::wordlists::{is_chat, is_extent, is_opinion, opposites};
use super::words::{Role, Word};

/// The numbers of one claim, by name and always in the same order, and the words that the model knows by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// Name and value.
    pub values: Vec<(&'static str, f32)>,
    /// Words, as compared: `+word` where no source has it, `~word` where a source has it but none that is close, and
    /// `=word` for words that bind.
    pub words: Vec<String>,
}

impl Features {
    /// The names of the values, in order.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let nothing = Sources::new(Vec::new());
        let features = measure(&Scene::new("", &[], &nothing), "", &[]);
        features.values.into_iter().map(|(name, _)| name).collect()
    }
}

/// Measures a claim whose vector is `vector`.
pub(super) fn measure(scene: &Scene<'_>, text: &str, vector: &[f32]) -> Features {
    let diffs = diffs(scene);
    let mut values = Vec::with_capacity(48);
    values.extend(meaning(scene, vector));
    values.extend(words(scene));
    values.extend(order(scene, &diffs));
    values.extend(edits(scene, &diffs));
    values.extend(opposed(scene));
    values.extend(manner(scene, text));
    Features { values, words: known_words(scene) }
}

type Value = (&'static str, f32);

fn diffs(scene: &Scene<'_>) -> Vec<Diff> {
    let lines = scene.close.iter().filter_map(|&place| scene.sources.lines().get(place));
    lines.map(|line| diff(&scene.claim, line)).collect()
}

/// How near the vectors are.
fn meaning(scene: &Scene<'_>, vector: &[f32]) -> [Value; 6] {
    let mut best = [0.0_f32; 3];
    for &cosine in &scene.cosines {
        if let Some(place) = best.iter().position(|known| cosine > *known) {
            best[place..].rotate_right(1);
            best[place] = cosine;
        }
    }
    let found = count(scene.cosines.len().clamp(1, 3));
    let windows = scene.sources.lines().iter().map(|line| {
        let (range, length) = &line.window;
        let sum: f32 = scene.cosines.get(range.clone()).unwrap_or_default().iter().sum();
        share(sum, *length, 0.0)
    });
    let of_first = scene.close.first().map_or(0.0, |&place| scene.cosine(place));
    [
        ("cosine", best[0]),
        ("cosine of three", best.iter().sum::<f32>() / found),
        ("cosine of neighbours", windows.fold(0.0, f32::max)),
        ("cosine of centre", scene.sources.cosine_of_centre(vector)),
        ("cosine of closest", of_first),
        ("unexplained", unexplained(scene, vector)),
    ]
}

/// What is left of the claim's vector when all that the three closest sentences say is taken away, squared length.
fn unexplained(scene: &Scene<'_>, vector: &[f32]) -> f32 {
    let mut basis: Vec<Vec<f32>> = Vec::new();
    for &place in scene.close.iter().take(3) {
        let Some(sentence) = scene.sources.sentences().get(place) else { continue };
        let mut rest = sentence.vector.to_vec();
        for known in &basis {
            let part = dot(&rest, known);
            rest.iter_mut().zip(known).for_each(|(value, known)| *value -= part * known);
        }
        let length = dot(&rest, &rest).sqrt();
        // A sentence that is nearly in the span of the others says nothing new, and its direction is noise.
        if length > 0.05 {
            basis.push(rest.iter().map(|value| value / length).collect());
        }
    }
    let explained: f32 = basis.iter().map(|known| dot(vector, known).powi(2)).sum();
    (1.0 - explained).clamp(0.0, 1.0)
}

/// Which telling words the sources have.
fn words(scene: &Scene<'_>) -> [Value; 11] {
    let telling = &scene.telling;
    let whole: f32 = telling.iter().map(|(_, _, weight)| weight).sum();
    let weight_of = |has: &dyn Fn(u32) -> bool| {
        let had = telling.iter().filter(|(_, term, _)| term.is_some_and(has));
        share(had.map(|(_, _, weight)| weight).sum(), whole, 1.0)
    };
    let unseen = telling.iter().filter(|(_, term, _)| term.is_none());
    let unseen: Vec<&Word> = unseen.filter_map(|(place, _, _)| scene.claim.words.get(*place)).collect();
    let kinds = |role: Role| count(unseen.iter().filter(|word| word.role == role).count());
    let numbers = telling
        .iter()
        .filter(|(place, _, _)| scene.claim.words.get(*place).is_some_and(|word| word.role == Role::Number));
    let distant = |(place, term, _): &&(usize, Option<u32>, f32)| {
        let named = scene.claim.words.get(*place).is_some_and(|word| word.name || word.role == Role::Number);
        named && term.is_some_and(|term| !scene.is_close(term, 3))
    };
    [
        ("coverage by one", scene.covered.values().copied().fold(0.0, f32::max)),
        ("coverage by closest", scene.close.first().map_or(0.0, |&place| scene.coverage(place))),
        ("coverage by three", weight_of(&|term| scene.is_close(term, 3))),
        ("coverage by all", weight_of(&|_| true)),
        ("share of words seen", 1.0 - share(count(unseen.len()), count(telling.len()), 0.0)),
        (
            "words unseen",
            count(unseen.iter().filter(|word| word.role == Role::Content && !word.name).count()),
        ),
        ("words half seen", count(unseen.iter().filter(|word| half_seen(scene, word)).count())),
        ("names unseen", count(unseen.iter().filter(|word| word.name).count())),
        ("numbers unseen", kinds(Role::Number)),
        ("numbers", count(numbers.count())),
        ("names and numbers from elsewhere", count(telling.iter().filter(distant).count())),
    ]
}

fn half_seen(scene: &Scene<'_>, word: &Word) -> bool {
    word.role == Role::Content && scene.sources.has_beginning(&word.term)
}

/// Whether the words stand as they stand in the sources.
fn order(scene: &Scene<'_>, diffs: &[Diff]) -> [Value; 8] {
    let claim = &scene.claim;
    let length = count(claim.terms.len());
    let has = |one: Option<u32>, two: Option<u32>, three: Option<Option<u32>>| match (one, two, three) {
        (Some(one), Some(two), None) => scene.sources.has_run(one, two, None),
        (Some(one), Some(two), Some(Some(three))) => scene.sources.has_run(one, two, Some(three)),
        _ => false,
    };
    let pairs = claim.terms.array_windows().filter(|[a, b]| has(*a, *b, None)).count();
    let triples = claim.terms.array_windows().filter(|[a, b, c]| has(*a, *b, Some(*c))).count();
    let most = |of: &dyn Fn(&Diff) -> f32| diffs.iter().map(of).fold(0.0, f32::max);
    let first = diffs.first();
    [
        ("pairs", share(count(pairs), length - 1.0, 0.0)),
        ("triples", share(count(triples), length - 2.0, 0.0)),
        ("kept", share(most(&|diff| count(diff.kept)), length, 0.0)),
        ("kept of closest", share(first.map_or(0.0, |diff| count(diff.kept)), length, 0.0)),
        ("run", share(most(&|diff| count(diff.run)), length, 0.0)),
        ("run in words", most(&|diff| count(diff.run))),
        ("in order", first.map_or(0.0, |diff| share(count(diff.kept), count(diff.shared), 0.0))),
        ("bound together", bound(scene)),
    ]
}

/// The share of neighbouring telling words, both known, that some sentence has both of.
fn bound(scene: &Scene<'_>) -> f32 {
    let known: Vec<u32> = scene.telling.iter().filter_map(|(_, term, _)| *term).collect();
    let together = |one: u32, two: u32| {
        let (one, two) = (scene.sources.with(one), scene.sources.with(two));
        let (few, many) = if one.len() < two.len() { (one, two) } else { (two, one) };
        few.iter().any(|&place| has(many, place as usize))
    };
    let pairs = known.array_windows().filter(|[one, two]| together(*one, *two)).count();
    share(count(pairs), count(known.len().saturating_sub(1)), 1.0)
}

/// What looks as if a sentence had been copied and changed.
fn edits(scene: &Scene<'_>, diffs: &[Diff]) -> [Value; 5] {
    let first = diffs.first().cloned().unwrap_or_default();
    [
        ("swapped", count(first.swapped)),
        ("added", count(first.added)),
        ("bent", count(first.bent)),
        ("slots", count(first.slots)),
        ("slots filled otherwise", count(other_fillings(scene))),
    ]
}

/// Unseen or distant words whose two neighbours stand around another word in a close sentence.
fn other_fillings(scene: &Scene<'_>) -> usize {
    let fits = |before: u32, after: u32| {
        let lines = scene.close.iter().filter_map(|&place| scene.sources.lines().get(place));
        lines
            .flat_map(|line| line.tokens.array_windows())
            .any(|[a, _, c]| a.term == before && c.term == after)
    };
    let filled = scene.claim.terms.array_windows().filter(|[before, word, after]| {
        let strange = word.is_none_or(|word| !scene.is_close(word, 3));
        strange && matches!((before, after), (Some(before), Some(after)) if fits(*before, *after))
    });
    filled.count()
}

/// What stands against the claim.
fn opposed(scene: &Scene<'_>) -> [Value; 6] {
    let words = &scene.claim.words;
    let denials = words.iter().filter(|word| word.role == Role::Negation).count();
    let first = scene.close.first().and_then(|&place| scene.sources.lines().get(place));
    let theirs = first.map_or(0, |line| line.denials);
    let mut near = 0;
    let mut anywhere = 0;
    for (word, term) in words.iter().zip(&scene.claim.terms) {
        if term.is_some_and(|term| scene.is_close(term, 3)) {
            continue;
        }
        let there = || opposites(&word.folded).iter().filter_map(|other| scene.sources.term_of(other));
        near += usize::from(there().any(|other| scene.is_close(other, 3)));
        anywhere += usize::from(term.is_none() && there().next().is_some());
    }
    let extents = words
        .iter()
        .zip(&scene.claim.terms)
        .filter(|(word, term)| is_extent(&word.folded) && term.is_none_or(|term| !scene.is_close(term, 3)));
    [
        ("denials", count(denials)),
        ("denials beyond", count(denials.saturating_sub(theirs))),
        ("denials dropped", if scene.first_is_like() { count(theirs.saturating_sub(denials)) } else { 0.0 }),
        ("opposites near", count(near)),
        ("opposites anywhere", count(anywhere)),
        ("extents from elsewhere", count(extents.count())),
    ]
}

/// How it is said, and how long it and the sources are.
fn manner(scene: &Scene<'_>, text: &str) -> [Value; 6] {
    let words = &scene.claim.words;
    let those = |is: fn(&str) -> bool| count(words.iter().filter(|word| is(&word.folded)).count());
    [
        ("chat", those(is_chat)),
        ("opinion", those(is_opinion)),
        ("asks", f32::from(u8::from(text.trim_end().ends_with('?')))),
        ("length", count(words.len()).ln_1p()),
        ("telling words", count(scene.telling.len()).ln_1p()),
        ("sources", count(scene.cosines.len()).ln_1p()),
    ]
}

impl Scene<'_> {
    /// Whether the closest sentence resembles the claim enough for what it lacks to mean something.
    fn first_is_like(&self) -> bool {
        self.close.first().is_some_and(|&place| self.nearness(place) > 0.5)
    }
}

fn known_words(scene: &Scene<'_>) -> Vec<String> {
    let words = scene.claim.words.iter().zip(&scene.claim.terms);
    let mut known: Vec<String> = words
        .filter(|(word, _)| word.role != Role::Number)
        .filter_map(|(word, term)| match (word.tells(), term) {
            (false, _) => Some(format!("={}", word.folded)),
            (true, None) => Some(format!("+{}", word.term)),
            (true, Some(term)) => (!scene.is_close(*term, 3)).then(|| format!("~{}", word.term)),
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    known
}
