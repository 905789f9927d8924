//! Durations as case files write them: `400ms`, `1s`, `15m`, `24h`, `7d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration that is written as a number and a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

impl Time {
    /// Reads `400ms`, `1s`, `15m`, `24h` or `7d`.
    ///
    /// # Errors
    /// When the text is nothing of that form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no duration (hint: a number and a unit, as `400ms`, `1s`, `15m`, `24h`, `7d`)");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let unit = match &text[digits..] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(unit).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(wrong)
    }

    /// The shortest text that `parse` reads back.
    pub fn text(self) -> String {
        let ms = self.0.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        let unit = units.into_iter().find(|(size, _)| ms > 0 && ms.is_multiple_of(*size)).unwrap_or((1, "ms"));
        format!("{}{}", ms / unit.0, unit.1)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["400ms", "1s", "90s", "15m", "24h", "7d", "0ms"] {
            let time = Time::parse(text).expect("the text is a duration");
            assert_eq!(Time::parse(&time.text()), Ok(time), "{text} became {}", time.text());
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "400", "ms", "4 s", "-1s", "1.5s", "99999999999999999999d", "1w"] {
            assert!(Time::parse(text).is_err(), "`{text}` is refused");
        }
    }
}
