//! Where to look, on the page.

use serde::Serialize;

use super::finding::{Look, Places};

/// Where to look, and the link that leads there: on this page, so that it holds wherever the page is, or beside it.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    link: Option<String>,
    text: String,
}

impl Place {
    /// A place of the case with this anchor, and of its trial with that one.
    pub(super) fn of(look: &Look<'_>, case: &str, trial: Option<&str>) -> Self {
        let link = match look {
            Look::File(..) => Some(format!("#{case}-file")),
            Look::Exchange(_) => trial.map(|trial| format!("#{trial}-exchanges")),
            Look::Picture(_) => trial.map(|trial| format!("#{trial}")),
            Look::Evidence(folder) => beside(folder),
        };
        Self { link, text: look.said(&Places::default()) }
    }
}

/// A link to a folder beside the page. The name may come from a stranger's file: what is no plain path below gets none.
fn beside(folder: &str) -> Option<String> {
    let plain =
        |name: &str| !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    folder.split('/').all(|name| !name.is_empty() && plain(name)).then(|| format!("./{folder}"))
}

#[cfg(test)]
mod tests {
    use super::beside;
    use rstest::rstest;

    #[rstest]
    #[case::below("trials/code-flows/case/fixed", Some("./trials/code-flows/case/fixed"))]
    #[case::script("javascript:alert(1)", None)]
    #[case::up("trials/../../etc", None)]
    #[case::root("/etc", None)]
    fn only_a_plain_path_below_is_a_link(#[case] folder: &str, #[case] link: Option<&str>) {
        assert_eq!(beside(folder).as_deref(), link);
    }
}
