//! Shards: a run that is split over machines. Every machine splits in the same way, whatever is installed on it.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use super::Turn;

/// One part of a run that is split, such as `2/4`, the second of four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// Which part it is, counted from 1.
    pub fn number(self) -> usize {
        self.number
    }

    /// How many parts there are.
    pub fn of(self) -> usize {
        self.of
    }

    /// The turns that belong to this part, in their order. Each of them belongs to exactly one part, and the parts have
    /// numbers of trials that are as near as whole turns allow.
    pub fn take(self, turns: Vec<Turn>) -> Vec<Turn> {
        let parts = split(&turns.iter().map(Turn::trials).collect::<Vec<_>>(), self.of);
        turns.into_iter().zip(parts).filter(|(_, part)| *part == self.number - 1).map(|(turn, _)| turn).collect()
    }
}

/// The part of each weight, counted from 0: the heaviest first, each to the part that has the least so far.
fn split(weights: &[usize], parts: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| Reverse(weights[*index]));
    let mut sums = vec![0; parts];
    let mut chosen = vec![0; weights.len()];
    for index in order {
        let (part, sum) =
            sums.iter_mut().enumerate().min_by_key(|(part, sum)| (**sum, *part)).expect("a part is there");
        *sum += weights[index];
        chosen[index] = part;
    }
    chosen
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no shard (hint: `2/4` is the second of four)");
        let (number, of) = text.split_once('/').ok_or_else(refused)?;
        let count = |text: &str| text.parse::<u16>().map(usize::from).map_err(|_| refused());
        let (number, of) = (count(number)?, count(of)?);
        if number == 0 || number > of {
            return Err(refused());
        }
        Ok(Self { number, of })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::past_the_end("5/4")]
    #[case::before_the_first("0/4")]
    #[case::none_at_all("0/0")]
    #[case::no_numbers("a/b")]
    #[case::one_number("3")]
    #[case::three_numbers("1/2/3")]
    #[case::negative("-1/4")]
    #[case::too_many("1/99999999")]
    fn what_is_no_shard_is_refused(#[case] text: &str) {
        let refused = text.parse::<Shard>();

        assert!(refused.as_ref().is_err_and(|why| why.contains(&format!("`{text}`"))), "{refused:?}");
    }

    #[rstest]
    #[case::more_than_parts(&[7, 1, 1, 5, 3, 3, 2, 9, 4], 3)]
    #[case::all_alike(&[2; 10], 4)]
    #[case::fewer_than_parts(&[4, 4], 5)]
    #[case::one_part(&[1, 2, 3], 1)]
    fn parts_are_balanced_as_far_as_whole_turns_allow(#[case] weights: &[usize], #[case] parts: usize) {
        let chosen = split(weights, parts);

        assert_eq!(chosen.len(), weights.len());
        let sums: Vec<usize> = (0..parts)
            .map(|part| chosen.iter().zip(weights).filter(|(it, _)| **it == part).map(|(_, weight)| weight).sum())
            .collect();
        assert_eq!(sums.iter().sum::<usize>(), weights.iter().sum::<usize>(), "each in one part: {chosen:?}");
        let (least, most) = (sums.iter().min().copied(), sums.iter().max().copied());
        let heaviest = weights.iter().max().copied().unwrap_or_default();
        assert!(most.unwrap_or_default() - least.unwrap_or_default() <= heaviest, "{sums:?}");
    }
}
