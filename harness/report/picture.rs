//! The screenshots of a trial, read from the run's folder and made part of the page.

use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::evidence::StepTaken;

/// The first bytes of every PNG (W3C PNG, section 5.2).
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What became of a step's screenshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(super) enum Picture {
    /// The step has none.
    Absent,
    /// The picture as a `data:` URL.
    Here {
        /// `data:image/png;base64,` and the bytes.
        data: String,
    },
    /// It is, byte for byte, that of an earlier step.
    Same {
        /// The number of that step.
        step: usize,
    },
    /// It could not be read.
    Missing {
        /// Why.
        why: String,
    },
}

/// Reads the pictures of a trial's steps, one for each step.
pub(super) fn read_pictures(steps: &[StepTaken], folder: &Path) -> Vec<Picture> {
    let mut known: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut pictures = Vec::with_capacity(steps.len());
    for step in steps {
        let picture = match step.screenshot.as_deref().map(|name| read_png(name, folder)) {
            None => Picture::Absent,
            Some(Err(why)) => Picture::Missing { why },
            Some(Ok(bytes)) => match known.iter().find(|(_, earlier)| *earlier == bytes) {
                Some(&(number, _)) => Picture::Same { step: number },
                None => {
                    let data = format!("data:image/png;base64,{}", STANDARD.encode(&bytes));
                    known.push((step.number, bytes));
                    Picture::Here { data }
                }
            },
        };
        pictures.push(picture);
    }
    pictures
}

/// Reads a PNG inside the folder. A `results.json` may come from a stranger, so no name leads out of the folder and
/// nothing but a PNG is taken in.
fn read_png(name: &str, folder: &Path) -> Result<Vec<u8>, String> {
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside {
        return Err(format!("`{name}` is not a path inside the run's folder"));
    }
    let bytes = std::fs::read(folder.join(name)).map_err(|error| format!("`{name}` could not be read: {error}"))?;
    if bytes.starts_with(SIGNATURE) { Ok(bytes) } else { Err(format!("`{name}` is not a PNG")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn equal_pictures_are_taken_in_once() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("one.png"), sample::PNG)?;
        std::fs::write(folder.path().join("two.png"), sample::PNG)?;
        let steps = [sample::step(1, "open", Some("one.png")), sample::step(2, "fill", Some("two.png"))];

        let pictures = read_pictures(&steps, folder.path());

        assert!(matches!(&pictures[0], Picture::Here { data } if data.starts_with("data:image/png;base64,iVBOR")));
        assert_eq!(pictures[1], Picture::Same { step: 1 });
        Ok(())
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_not_read() -> anyhow::Result<()> {
        let parent = tempfile::tempdir()?;
        let folder = parent.path().join("run");
        std::fs::create_dir(&folder)?;
        let outside = parent.path().join("outside.png");
        std::fs::write(&outside, sample::PNG)?;
        std::fs::write(folder.join("secret.png"), "not a picture")?;

        for name in ["../outside.png", &outside.to_string_lossy(), "secret.png", "gone.png"] {
            let pictures = read_pictures(&[sample::step(1, "open", Some(name))], &folder);

            assert!(matches!(pictures[0], Picture::Missing { .. }), "{name}: {pictures:?}");
        }
        Ok(())
    }
}
