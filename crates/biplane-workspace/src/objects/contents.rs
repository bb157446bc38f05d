//! What comes in as an object, and what goes out.

use super::notebook::{Language, from_jupyter};
use super::path::ObjectPath;
use super::store::{Kind, Object};
use biplane_platform::{ApiError, ErrorCode, Result};

/// As Databricks' import and export.
pub const BYTES_MAX: usize = 10 << 20;

/// An object that is to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrived {
    pub path: ObjectPath,
    pub kind: Kind,
    pub language: Option<&'static str>,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Source,
    Auto,
    Raw,
    Jupyter,
}

impl Format {
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text.unwrap_or_default().to_ascii_uppercase().as_str() {
            "" | "SOURCE" => Ok(Self::Source),
            "AUTO" => Ok(Self::Auto),
            "RAW" => Ok(Self::Raw),
            "JUPYTER" => Ok(Self::Jupyter),
            format @ ("HTML" | "DBC" | "R_MARKDOWN") => {
                Err(ApiError::unsupported(format!("The format {format}")))
            }
            other => Err(ApiError::invalid(format!(
                "{other:.64} is not a format; SOURCE, AUTO, RAW and JUPYTER are."
            ))),
        }
    }
}

pub fn too_large() -> ApiError {
    let text = format!(
        "The content has more than {BYTES_MAX} bytes. Put larger files on a volume: /Volumes/<catalog>/<schema>/<volume>/…"
    );
    ApiError::new(ErrorCode::MaxNotebookSizeExceeded, text)
}

fn notebook(path: ObjectPath, language: Language, source: String) -> Arrived {
    let (kind, bytes) = (Kind::Notebook, source.into_bytes());
    Arrived { path, kind, language: Some(language.name), bytes }
}

/// What an object becomes of what was sent.
pub fn arrive(
    path: ObjectPath,
    format: Format,
    language: Option<&str>,
    bytes: Vec<u8>,
) -> Result<Arrived> {
    if bytes.len() > BYTES_MAX {
        return Err(too_large());
    }
    match format {
        Format::Raw => Ok(Arrived { path, kind: Kind::File, language: None, bytes }),
        Format::Jupyter => {
            let (language, source) = from_jupyter(&bytes)?;
            Ok(notebook(path, language, source))
        }
        Format::Source => {
            let missing = || {
                ApiError::invalid("A notebook in SOURCE has a language: PYTHON, SQL, SCALA or R.")
            };
            let language = language.and_then(Language::of).ok_or_else(missing)?;
            let text = String::from_utf8(bytes)
                .map_err(|_| ApiError::invalid("The source of a notebook is text in UTF-8."))?;
            Ok(notebook(path, language, language.source(&text)))
        }
        Format::Auto => Ok(by_name(path, bytes)),
    }
}

/// A notebook where the name and the beginning say so, else a file.
fn by_name(path: ObjectPath, bytes: Vec<u8>) -> Arrived {
    let end = path.name().rsplit_once('.').map(|(_, end)| end.to_owned()).unwrap_or_default();
    let shorter = path.without(&format!(".{end}"));
    if end.eq_ignore_ascii_case("ipynb")
        && let Ok((language, source)) = from_jupyter(&bytes)
    {
        return notebook(shorter, language, source);
    }
    if let Some(language) = Language::of_extension(&end)
        && let Ok(text) = std::str::from_utf8(&bytes)
        && language.begins(text)
    {
        return notebook(shorter, language, text.to_owned());
    }
    Arrived { path, kind: Kind::File, language: None, bytes }
}

/// (the bytes, the end of a name for them)
pub fn leave(object: &Object, format: Format, bytes: Vec<u8>) -> Result<(Vec<u8>, String)> {
    let language = object.language.as_deref().and_then(Language::of);
    let Some(language) = language else {
        let path = ObjectPath::parse(Some(&object.path))?;
        let end = path.name().rsplit_once('.').map(|(_, end)| end.to_owned());
        return match format {
            Format::Jupyter => Err(ApiError::invalid("A file is no notebook.")),
            _ => Ok((bytes, end.unwrap_or_default())),
        };
    };
    match format {
        Format::Jupyter => {
            let text = String::from_utf8(bytes).map_err(ApiError::internal)?;
            let json = serde_json::to_vec_pretty(&language.to_jupyter(&text));
            Ok((json.map_err(ApiError::internal)?, "ipynb".into()))
        }
        _ => Ok((bytes, language.extension.into())),
    }
}
