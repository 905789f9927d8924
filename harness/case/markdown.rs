//! A case inside a bug report: the first fenced `yaml` block of a Markdown file.

use std::path::Path;

use super::error::CaseError;

/// The block's text, with empty lines in place of everything before it, so that line numbers stay those of the file.
///
/// # Errors
/// When there is no such block, or it does not end.
pub(super) fn first_yaml(path: &Path, text: &str) -> Result<String, CaseError> {
    let mut lines = text.lines().enumerate();
    // Fences: CommonMark 0.31, section 4.5.
    let Some((start, fence)) = lines.by_ref().find_map(|(number, line)| Some((number, opening(line)?))) else {
        return Err(CaseError::whole(path, "has no fenced `yaml` block (hint: put the case between ```yaml and ```)"));
    };
    let mut block = "\n".repeat(start + 1);
    for (_, line) in lines {
        if line.trim_start().starts_with(&fence) && line.trim().chars().all(|c| fence.starts_with(c)) {
            return Ok(block);
        }
        block.push_str(line);
        block.push('\n');
    }
    Err(CaseError::at(
        path,
        start as u64 + 1,
        1,
        format!("the block that begins here does not end (hint: close it with {fence})"),
    ))
}

fn opening(line: &str) -> Option<String> {
    let line = line.trim();
    let mark = line.chars().next().filter(|c| "`~".contains(*c))?;
    let length = line.chars().take_while(|c| *c == mark).count();
    let language = line[length..].split_whitespace().next().unwrap_or_default();
    (length >= 3 && ["yaml", "yml"].contains(&language)).then(|| mark.to_string().repeat(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Result<String, CaseError> {
        first_yaml(Path::new("bug.md"), text)
    }

    #[test]
    fn the_first_yaml_block_keeps_its_line_numbers() {
        let text = "# Bug\n\n```sh\nrun\n```\n```yaml\ntitle: x\n```\n```yaml\ntitle: y\n```\n";

        assert_eq!(block(text), Ok("\n\n\n\n\n\ntitle: x\n".to_owned()));
    }

    #[test]
    fn a_report_without_a_case_says_what_is_missing() {
        let error = block("# Bug\nit fails\n").expect_err("there is no block");

        assert!(error.message.contains("no fenced `yaml` block"), "{error}");
    }

    #[test]
    fn a_block_without_end_is_refused_where_it_begins() {
        assert_eq!(block("a\n~~~yaml\nx: 1\n").expect_err("no end").place, Some((2, 1)));
    }
}
