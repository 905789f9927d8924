//! Where things stand in a case file, by their keys: for errors that are found after reading, in values that are
//! merged and so carry no place of their own.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

/// The places of all keys and list items below one value.
#[derive(Debug, Default)]
pub(super) struct Places {
    within: Vec<(String, Location, Places)>,
    is_null: bool,
}

impl Places {
    /// The place of the value that these keys lead to (a list's items count from 0), or of the last one on the way
    /// there that exists, with the number of keys that led to it.
    pub(super) fn find(&self, keys: &[&str]) -> Option<(usize, Location)> {
        let (key, rest) = keys.split_first()?;
        let (_, place, within) = self.within.iter().find(|(name, ..)| name == key)?;
        let deeper = within.find(rest).map(|(depth, place)| (depth + 1, place));
        Some(deeper.unwrap_or((1, *place)))
    }

    /// The place of the first `null` below the value that these keys lead to, but for what is below a key of this name.
    pub(super) fn null_beside(&self, keys: &[&str], exempt: &str) -> Option<Location> {
        let beside = |name: &str| keys.first().map_or(name != exempt, |key| name == *key);
        let rest = keys.get(1..).unwrap_or_default();
        self.within
            .iter()
            .filter(|(name, ..)| beside(name))
            .find_map(|(_, place, within)| if within.is_null { Some(*place) } else { within.null_beside(rest, exempt) })
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Places;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Places, A::Error> {
        let mut within = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Places>()? {
            within.push((key.value, key.referenced, value));
        }
        Ok(Places { within, is_null: false })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Places, A::Error> {
        let mut within = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Places>>()? {
            within.push((within.len().to_string(), item.referenced, item.value));
        }
        Ok(Places { within, is_null: false })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Places, E> {
        Ok(Places::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Places, E> {
        Ok(Places::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Places, E> {
        Ok(Places::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Places, E> {
        Ok(Places::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Places, E> {
        Ok(Places::default())
    }

    fn visit_unit<E>(self) -> Result<Places, E> {
        Ok(Places { within: Vec::new(), is_null: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_known_place_is_found() {
        let text = "world:\n  kratos:\n    config: { dsn: x, 1: y }\n  faults:\n    - { step: 1 }\n    - { step: 2 }\n";
        let places: Places = serde_saphyr::from_str(text).expect("the text is YAML");
        let find = |keys: &[&str]| places.find(keys).map(|(depth, place)| (depth, place.line(), place.column()));

        assert_eq!(find(&["world", "kratos", "config", "dsn"]), Some((4, 3, 15)));
        assert_eq!(find(&["world", "faults", "1"]), Some((3, 6, 7)));
        assert_eq!(find(&["world", "faults", "7", "host"]), Some((2, 4, 3)));
        assert_eq!(find(&["fix"]), None);
    }

    #[test]
    fn a_null_is_found_but_where_it_is_exempt() {
        let text = "fix:\n  world:\n    kratos: { config: { a: ~ } }\n    front: null\nworld: { front: ~ }\n";
        let places: Places = serde_saphyr::from_str(text).expect("the text is YAML");
        let line = |keys: &[&str]| places.null_beside(keys, "config").map(|place| place.line());

        assert_eq!(line(&["fix", "world"]), Some(4));
        assert_eq!(line(&["fix", "world", "kratos"]), None);
        assert_eq!(line(&["world"]), Some(5));
        assert_eq!(line(&["fix", "steps"]), None);
    }
}
