//! Paths into variants: `$.a['b'][0]`.

use datafusion::common::Result;
use parquet_variant::Variant;

use crate::raised::fail;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// None: it is no path.
pub fn steps(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('[') {
            if let Some(quote) = behind.chars().next().filter(|c| matches!(c, '\'' | '"')) {
                let (key, behind) = behind[1..].split_once(quote)?;
                steps.push(Step::Key(key.to_owned()));
                rest = behind.strip_prefix(']')?;
            } else {
                let (index, behind) = behind.split_once(']')?;
                steps.push(Step::Index(index.parse().ok()?));
                rest = behind;
            }
        } else {
            let behind = rest.strip_prefix('.')?;
            let end = behind.find(['.', '[']).unwrap_or(behind.len());
            let (key, behind) = behind.split_at(end);
            if key.is_empty() {
                return None;
            }
            steps.push(Step::Key(key.to_owned()));
            rest = behind;
        }
    }
    Some(steps)
}

pub fn to_read(text: &str, function: &str) -> Result<Vec<Step>> {
    match steps(text) {
        Some(steps) => Ok(steps),
        None => {
            let text = format!(
                "The path `{text}` is not a valid variant extraction path in `{function}`. A valid path should \
                 start with `$` and is followed by zero or more segments like `[123]`, `.name`, `['name']`, or \
                 `[\"name\"]`."
            );
            fail("INVALID_VARIANT_GET_PATH", "22023", text)
        }
    }
}

pub fn found<'m, 'v>(value: Variant<'m, 'v>, steps: &[Step]) -> Option<Variant<'m, 'v>> {
    steps.iter().try_fold(value, |value, step| match (step, &value) {
        (Step::Key(key), Variant::Object(object)) => object.get(key),
        (Step::Index(at), Variant::List(list)) => list.get(*at),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let key = |name: &str| Step::Key(name.to_owned());
        assert_eq!(steps("$"), Some(vec![]));
        assert_eq!(
            steps("$.a['b c'][\"d\"][2]"),
            Some(vec![key("a"), key("b c"), key("d"), Step::Index(2)])
        );
        for wrong in ["", "a", "$a", "$.", "$[", "$[x]", "$['a'", "$..a"] {
            assert_eq!(steps(wrong), None, "{wrong}");
        }
    }
}
