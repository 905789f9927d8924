//! The hint of an error about a name that is not known.

/// Longer names are no slips of a finger, and to compare them costs their product in memory.
const LONGEST: usize = 64;

/// The nearest known name as a hint, or all of them.
pub(super) fn nearest(wrong: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .filter(|_| wrong.len() <= LONGEST)
        .map(|name| (strsim::damerau_levenshtein(wrong, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= (name.len() / 2).max(1));
    match nearest {
        Some((_, name)) => format!(" (hint: did you mean `{name}`?)"),
        None if known.is_empty() => " (hint: none is known here)".to_owned(),
        None => format!(" (hint: known here: {})", known.join(", ")),
    }
}
