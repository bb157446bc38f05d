//! Names of collations: `UTF8_LCASE`, `de_CI_AI`, `system.builtin.UNICODE_RTRIM`; in any case, with what they
//! ignore in any order.

use datafusion::common::Result;
use datafusion::common::utils::datafusion_strsim::normalized_levenshtein;

use super::{Base, Collation};
use crate::raised::raised;

/// Longer names are like none.
const NAME_CHARS_MAX: usize = 64;

/// The locale of CLDR's root order.
const ROOT: &str = "UNICODE";

/// Languages, and some with a region, whose order is here.
const LOCALES: &[&str] = &[
    ROOT, "af", "am", "ar", "as", "az", "be", "bg", "bn", "bo", "br", "bs", "ca", "ceb", "chr",
    "cs", "cy", "da", "de", "de_AUT", "dsb", "dz", "ee", "el", "en", "en_USA", "eo", "es", "et",
    "fa", "ff", "fi", "fil", "fo", "fr", "fy", "ga", "gl", "gu", "ha", "haw", "he", "hi", "hr",
    "hsb", "hu", "hy", "id", "id_IDN", "ig", "is", "it", "ja", "ka", "kk", "kl", "km", "kn", "ko",
    "kok", "ku", "ky", "lb", "lkt", "ln", "lo", "lt", "lv", "mk", "ml", "mn", "mr", "ms", "mt",
    "my", "nb", "ne", "nl", "nn", "no", "om", "or", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "se",
    "si", "sk", "sl", "smn", "sq", "sr", "sv", "sw", "ta", "te", "th", "tk", "to", "tr", "ug",
    "uk", "ur", "uz", "vi", "wae", "wo", "xh", "yi", "yo", "zh", "zu",
];

impl Collation {
    /// The collation of a name, with or without `SYSTEM.BUILTIN` before it.
    pub fn named(given: &str) -> Result<Self> {
        let parts: Vec<&str> = given.split('.').collect();
        let name = match parts.as_slice() {
            [name] => *name,
            [system, builtin, name]
                if system.eq_ignore_ascii_case("system")
                    && builtin.eq_ignore_ascii_case("builtin") =>
            {
                *name
            }
            _ => return Err(unknown(given)),
        };
        Self::found(&name.to_ascii_uppercase()).ok_or_else(|| {
            if is_of_region(name) {
                let text = format!(
                    "The collation {name} is not supported: name the language without its region."
                );
                return raised("UNSUPPORTED_FEATURE", "0A000", text);
            }
            unknown(name)
        })
    }

    fn found(upper: &str) -> Option<Self> {
        let after = |base: &str| {
            let rest = upper.strip_prefix(base)?;
            match rest.is_empty() {
                true => Some(""),
                false => rest.strip_prefix('_').filter(|words| !words.is_empty()),
            }
        };
        if let Some(rest) = after("UTF8_BINARY") {
            return Self::of(Base::Binary).ignoring(rest, false);
        }
        if let Some(rest) = after("UTF8_LCASE") {
            return Self::of(Base::Lower).ignoring(rest, false);
        }
        // `de_AUT` is not `de`, behind which AUT means nothing.
        LOCALES.iter().find_map(|locale| {
            let rest = after(&locale.to_ascii_uppercase())?;
            Self::of(Base::Locale(locale)).ignoring(rest, true)
        })
    }

    /// What stands behind the name: each of three things at most once.
    fn ignoring(mut self, rest: &str, is_of_language: bool) -> Option<Self> {
        let (mut case, mut accents) = (None, None);
        for word in rest.split('_').filter(|_| !rest.is_empty()) {
            let is_new = match word {
                "CI" | "CS" if is_of_language => case.replace(word == "CI").is_none(),
                "AI" | "AS" if is_of_language => accents.replace(word == "AI").is_none(),
                "RTRIM" => !std::mem::replace(&mut self.ignores_end, true),
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        self.ignores_case = case.unwrap_or(false);
        self.ignores_accents = accents.unwrap_or(false);
        Some(self)
    }

    /// The name as it is shown.
    pub fn name(self) -> String {
        let mut name = match self.base {
            Base::Binary => "UTF8_BINARY",
            Base::Lower => "UTF8_LCASE",
            Base::Locale(locale) => locale,
        }
        .to_owned();
        let words = [
            (self.ignores_case, "_CI"),
            (self.ignores_accents, "_AI"),
            (self.ignores_end, "_RTRIM"),
        ];
        words.iter().filter(|(has, _)| *has).for_each(|(_, word)| name.push_str(word));
        name
    }
}

/// A language that is here, with a region that is not: `en_GBR`.
fn is_of_region(name: &str) -> bool {
    let mut words = name.split('_');
    let language = words.next().unwrap_or_default().to_ascii_lowercase();
    let is_here = LOCALES.contains(&language.as_str());
    is_here && words.next().is_some_and(|word| word.len() == 3 && word.is_ascii())
}

fn unknown(name: &str) -> datafusion::common::DataFusionError {
    let upper: String = name.chars().take(NAME_CHARS_MAX).collect::<String>().to_ascii_uppercase();
    let nearest = described().into_iter().map(|described| described.name).max_by(|a, b| {
        let near = |other: &str| normalized_levenshtein(&upper, &other.to_ascii_uppercase());
        near(a).total_cmp(&near(b))
    });
    let text = format!(
        "The value {name} does not represent a correct collation name. \
         Suggested valid collation names: [{}].",
        nearest.unwrap_or_default()
    );
    raised("COLLATION_INVALID_NAME", "42704", text)
}

/// A collation as `collations()` lists it.
pub struct Described {
    pub name: String,
    pub language: Option<&'static str>,
    pub country: Option<&'static str>,
    pub ignores_accents: bool,
    pub ignores_case: bool,
    pub ignores_end: bool,
}

/// All there are.
pub fn described() -> Vec<Described> {
    let flags = [false, true];
    let mut out = Vec::new();
    for (base, ignores_case) in [(Base::Binary, false), (Base::Lower, true)] {
        out.extend(flags.map(|ignores_end| Described {
            name: Collation { ignores_end, ..Collation::of(base) }.name(),
            language: None,
            country: None,
            ignores_accents: false,
            ignores_case,
            ignores_end,
        }));
    }
    for locale in LOCALES {
        let (language, country) = match locale.split_once('_') {
            _ if *locale == ROOT => ("", ""),
            Some((language, country)) => (language, country),
            None => (*locale, ""),
        };
        for ignores_case in flags {
            for ignores_accents in flags {
                out.extend(flags.map(|ignores_end| {
                    let base = Base::Locale(locale);
                    let collation = Collation { base, ignores_case, ignores_accents, ignores_end };
                    Described {
                        name: collation.name(),
                        language: Some(language),
                        country: Some(country),
                        ignores_accents,
                        ignores_case,
                        ignores_end,
                    }
                }));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        for (given, shown) in [
            ("utf8_binary", "UTF8_BINARY"),
            ("UTF8_LCASE_rtrim", "UTF8_LCASE_RTRIM"),
            ("unicode_ai_ci", "UNICODE_CI_AI"),
            ("Unicode_CS_AS", "UNICODE"),
            ("DE_ci", "de_CI"),
            ("de_aut_AI", "de_AUT_AI"),
            ("system.BUILTIN.en_USA", "en_USA"),
        ] {
            assert_eq!(Collation::named(given).unwrap().name(), shown, "{given}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (given, part) in [
            ("NOPE", "COLLATION_INVALID_NAME"),
            ("UTF8_LCASE_CI", "[UTF8_LCASE]"),
            ("UNICODE_CI_CS", "COLLATION_INVALID_NAME"),
            ("UNICODE_CI_CI", "COLLATION_INVALID_NAME"),
            ("UNICODE_", "COLLATION_INVALID_NAME"),
            ("a.b.UNICODE", "COLLATION_INVALID_NAME"),
            ("", "COLLATION_INVALID_NAME"),
            ("en_GBR", "UNSUPPORTED_FEATURE"),
        ] {
            let error = Collation::named(given).unwrap_err().to_string();
            assert!(error.contains(part), "{given}: {error}");
        }
    }
}
