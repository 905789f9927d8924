//! A case that runs several times: how often it surprised, and what that says of how often it does.

use serde::{Deserialize, Serialize};

use super::{CaseOutcome, Verdict};

/// In which share of all series the bound is too low.
const DOUBT: f64 = 0.05;

/// How often the bound is halved in: beyond 60 times an f64 holds no more.
const HALVINGS: u32 = 60;

/// What all repetitions of a case came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeats {
    /// How often it was to run.
    pub asked: u32,
    /// How often it ran.
    pub ran: u32,
    /// Those that gave another verdict than the file expects, in the order in which they ended.
    pub surprises: Vec<Surprise>,
    /// The share of all runs, of 1, below which it surprises with 95 % confidence.
    pub below: f64,
}

/// A repetition that surprised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surprise {
    /// Which repetition, counted from 1.
    pub repetition: u32,
    /// The verdict that was reached.
    pub verdict: Verdict,
    /// How it came about: the first cause.
    pub cause: String,
    /// The folder of its evidence, relative to `results.json`.
    pub folder: String,
}

impl Repeats {
    /// Of a case that is to run so often and has not yet.
    #[must_use]
    pub fn of(asked: u32) -> Self {
        Self { asked, ran: 0, surprises: Vec::new(), below: 1.0 }
    }

    /// Counts one repetition, whose evidence lies in `folder`.
    pub fn count(&mut self, repetition: u32, outcome: &CaseOutcome, folder: &str) {
        self.ran += 1;
        if !outcome.as_expected() {
            self.surprises.push(Surprise {
                repetition,
                verdict: outcome.verdict,
                cause: outcome.reason.clone(),
                folder: folder.to_owned(),
            });
        }
        self.below = below(self.surprises.len(), self.ran);
    }
}

/// The exact upper bound of a share after `surprises` of `ran`, with 95 % confidence on this one side (Clopper and Pearson,
/// Biometrika 26, 1934): the share with which so few would be seen in 5 % of all such series. With none that is
/// 1 - 0.05^(1/ran). Found by bisection, since the tail falls as the share grows; a crate for the inverse of the beta
/// function would bring a library of statistics for this one number.
fn below(surprises: usize, ran: u32) -> f64 {
    if surprises as u64 >= u64::from(ran) {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if at_most(surprises, ran, middle) > DOUBT { low = middle } else { high = middle }
    }
    high
}

/// How likely it is to see at most so many surprises in `ran`, each of which comes with this share (binomial). By
/// logarithms, because its terms are too small for an f64 where `ran` is large.
fn at_most(surprises: usize, ran: u32, share: f64) -> f64 {
    let ran = f64::from(ran);
    let mut term = ran * (-share).ln_1p();
    let mut sum = term.exp();
    let mut count = 0.0;
    for _ in 0..surprises {
        term += ((ran - count) / (count + 1.0)).ln() + share.ln() - (-share).ln_1p();
        count += 1.0;
        sum += term.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::once(0, 1, 0.95)]
    #[case::a_thousand_times(0, 1_000, 1.0 - 0.05_f64.powf(1e-3))]
    #[case::none_of_thirty(0, 30, 0.095_034)]
    // From tables of the beta distribution: its 95 % quantile for k + 1 and n - k.
    #[case::one_of_ten(1, 10, 0.394_163)]
    #[case::two_of_thirty(2, 30, 0.195_326)]
    #[case::nine_of_ten(9, 10, 0.994_884)]
    #[case::all(10, 10, 1.0)]
    #[case::many(3, 100_000, 0.000_077_535)]
    fn the_bound_is_exact(#[case] surprises: usize, #[case] ran: u32, #[case] share: f64) {
        let bound = below(surprises, ran);

        assert!((bound - share).abs() < share * 1e-4, "{bound} is not {share}");
    }
}
