//! The search for the first version of a row that is different, in as few steps as halving takes.

/// What a version of the row showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// What the first showed.
    Same,
    /// Something else.
    Changed,
    /// Nothing that decides.
    Nothing,
}

/// A row of versions of which the first is known to be the same and the last to be changed.
#[derive(Debug)]
pub(super) struct Search {
    /// The last that is known to be the same.
    same: usize,
    /// The first that is known to be changed.
    changed: usize,
    /// Those that were asked and told nothing.
    silent: Vec<usize>,
}

impl Search {
    /// A search in a row of so many; at least two.
    pub(super) fn new(count: usize) -> Self {
        Self { same: 0, changed: count.saturating_sub(1), silent: Vec::new() }
    }

    /// Which one to ask next: the one nearest to the middle that has not been asked. Nothing when there is none.
    pub(super) fn next(&self) -> Option<usize> {
        let middle = usize::midpoint(self.same, self.changed);
        let open = (self.same + 1..self.changed).filter(|it| !self.silent.contains(it));
        open.min_by_key(|it| it.abs_diff(middle))
    }

    /// How many more are asked at most.
    pub(super) fn steps_left(&self) -> u32 {
        let open = (self.same + 1..self.changed).filter(|it| !self.silent.contains(it)).count();
        // So many halvings leave none of them.
        usize::BITS - open.leading_zeros()
    }

    /// Takes what the version at `index` showed.
    pub(super) fn tell(&mut self, index: usize, told: Told) {
        match told {
            Told::Same => self.same = index,
            Told::Changed => self.changed = index,
            Told::Nothing => self.silent.push(index),
        }
    }

    /// The last that is the same, and the first that is known to be changed. Between them are only those that told
    /// nothing, once [`Search::next`] has no more.
    pub(super) fn found(&self) -> (usize, usize) {
        (self.same, self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Searches a row in which everything from `first` on is changed, and those in `silent` tell nothing.
    fn search(count: usize, first: usize, silent: &[usize]) -> (Search, u32) {
        let mut search = Search::new(count);
        let mut steps = 0;
        while let Some(index) = search.next() {
            let told = if silent.contains(&index) {
                Told::Nothing
            } else if index < first {
                Told::Same
            } else {
                Told::Changed
            };
            search.tell(index, told);
            steps += 1;
        }
        (search, steps)
    }

    #[test]
    fn the_first_that_is_changed_is_found_in_as_many_steps_as_halvings() {
        for count in 2..=40_usize {
            let most = Search::new(count).steps_left();
            for first in 1..count {
                let (search, steps) = search(count, first, &[]);

                assert_eq!(search.found(), (first - 1, first), "of {count}");
                assert!(steps <= most, "{steps} steps for {count}, at most {most} were said");
            }
            // One of so many: log2, rounded up.
            assert_eq!(most, (count - 1).next_power_of_two().trailing_zeros(), "of {count}");
        }
    }

    #[test]
    fn two_that_are_neighbours_need_no_step() {
        let (search, steps) = search(2, 1, &[]);

        assert_eq!((search.found(), steps), ((0, 1), 0));
    }

    #[rstest]
    #[case::in_the_middle(&[3], (2, 4))]
    #[case::all_between(&[1, 2, 3, 4, 5], (0, 6))]
    #[case::elsewhere(&[1, 5], (2, 3))]
    fn one_that_tells_nothing_is_gone_around(#[case] silent: &[usize], #[case] found: (usize, usize)) {
        assert_eq!(search(7, 3, silent).0.found(), found);
    }
}
