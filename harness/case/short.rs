//! Values that a case file may write short, as one scalar, or long, as a map.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};

/// A type with a short and a long form in case files.
pub(super) trait Short<'de>: Sized {
    /// What is expected, for an error's text.
    const EXPECTING: &'static str;

    /// Reads the short form.
    fn short(text: &str) -> Result<Self, String>;

    /// Reads the long form.
    fn long<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Reads either form. Unlike an untagged enum it keeps the error of the form that was used.
pub(super) fn read<'de, T: Short<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Either(PhantomData))
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Short<'de>> Visitor<'de> for Either<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTING)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::short(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::long(MapAccessDeserializer::new(map))
    }
}

/// Implements `Deserialize` for a type by its short and long form; the long form is what
/// `#[serde(remote = "Self")]` derives.
macro_rules! short_form {
    ($type:ty, $expecting:literal, $short:expr) => {
        impl<'de> crate::case::short::Short<'de> for $type {
            const EXPECTING: &'static str = $expecting;

            fn short(text: &str) -> Result<Self, String> {
                $short(text)
            }

            fn long<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$type>::deserialize(deserializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::case::short::read(deserializer)
            }
        }
    };
}

pub(super) use short_form;
