//! The variables that stand for options: an error about what one of them says names it, as nobody has typed it just now.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

/// The variable that an option has its value from, where the command line does not say it.
pub(super) fn of(option: &str, value: &str) -> Option<String> {
    let typed: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    of_call(option, value, &typed, |name| std::env::var(name).ok())
}

fn of_call(option: &str, value: &str, typed: &[String], read: impl Fn(&str) -> Option<String>) -> Option<String> {
    let flag = format!("--{option}");
    if typed.iter().any(|word| word.split('=').next() == Some(flag.as_str())) {
        return None;
    }
    let name = format!("KRATOS_REPRO_{}", option.to_uppercase().replace('-', "_"));
    let said = read(&name)?;
    (said == value || said.split(',').any(|one| one == value)).then_some(name)
}

/// The error with the variable that the wrong value is from, where it is from one.
pub(super) fn named(mut error: clap::Error) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    // Such as `--engine <ENGINE>`.
    let option =
        text(ContextKind::InvalidArg).and_then(|it| it.split([' ', '=']).next()?.strip_prefix("--").map(str::to_owned));
    let variable = option.zip(text(ContextKind::InvalidValue)).and_then(|(option, value)| of(&option, &value));
    if let Some(name) = variable {
        let tip = StyledStr::from(format!("the value is from the variable {name}"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::of_call;
    use rstest::rstest;

    #[rstest]
    #[case::by_variable(&["run"], "edge-address", "x", Some("KRATOS_REPRO_EDGE_ADDRESS"))]
    #[case::one_of_a_list(&["run"], "engine", "opera", Some("KRATOS_REPRO_ENGINE"))]
    #[case::typed(&["run", "--engine", "opera"], "engine", "opera", None)]
    #[case::typed_in_one_word(&["run", "--engine=opera"], "engine", "opera", None)]
    #[case::another_value(&["run"], "engine", "lynx", None)]
    #[case::not_set(&["run"], "kratos", "x", None)]
    fn an_option_that_was_not_typed_is_from_its_variable(
        #[case] typed: &[&str],
        #[case] option: &str,
        #[case] value: &str,
        #[case] variable: Option<&str>,
    ) {
        let typed: Vec<String> = typed.iter().map(|word| (*word).to_owned()).collect();
        let read = |name: &str| match name {
            "KRATOS_REPRO_EDGE_ADDRESS" => Some("x".to_owned()),
            "KRATOS_REPRO_ENGINE" => Some("firefox,opera".to_owned()),
            _ => None,
        };

        assert_eq!(of_call(option, value, &typed, read).as_deref(), variable);
    }
}
