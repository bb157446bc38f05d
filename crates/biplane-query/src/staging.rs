//! `PUT 'file' INTO '/Volumes/…' [OVERWRITE]`, `GET '/Volumes/…' TO 'file'`, `REMOVE '/Volumes/…'`: statements
//! of the SQL clients that move one file between the client and a volume. No engine runs them: the
//! answer is one row that tells the client which link to use, and the client does the rest.

mod parse;

pub(crate) use parse::parse;

use crate::statements::StatementError;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use biplane_proto::v1::{Column, ResultSchema};
use bytes::Bytes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagingVerb {
    Get,
    Put { overwrite: bool },
    Remove,
}

impl StagingVerb {
    fn as_str(self) -> &'static str {
        match self {
            StagingVerb::Get => "GET",
            StagingVerb::Put { .. } => "PUT",
            StagingVerb::Remove => "REMOVE",
        }
    }
}

/// What this service needs of files.
#[async_trait::async_trait]
pub trait StagedFiles: Send + Sync {
    /// A link that does this with the file at `/Volumes/…`, as `ctx`'s principal, for a short time. Refused
    /// where that principal may not; putting without overwriting also where the file is there already.
    async fn link(&self, ctx: &Ctx, path: &str, verb: StagingVerb) -> Result<String>;
}

/// A statement of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staging {
    pub verb: StagingVerb,
    /// On the volume.
    pub path: String,
    /// At the client; empty when nothing is there to be read or written.
    pub local_file: String,
}

impl Staging {
    pub async fn link(&self, files: &dyn StagedFiles, ctx: &Ctx) -> Result<String, StatementError> {
        let refused =
            |class, state, text: &str| StatementError::new("BAD_REQUEST", class, state, text);
        let verb = self.verb.as_str();
        if self.local_file.is_empty() && self.verb != StagingVerb::Remove {
            let text = format!("Empty local file in staging {verb} query.");
            return Err(refused("EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY", "22023", &text));
        }
        if !self.path.starts_with("/Volumes/") && !self.path.starts_with("dbfs:/Volumes/") {
            let text = format!("Invalid staging path in staging {verb} query: {}.", self.path);
            return Err(refused("INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY", "22604", &text));
        }
        files.link(ctx, &self.path, self.verb).await.map_err(|error| self.refusal(error))
    }

    fn refusal(&self, error: ApiError) -> StatementError {
        let (code, class, state) = match error.code {
            ErrorCode::AlreadyExists => {
                let text = format!(
                    "File in staging path {} already exists but OVERWRITE is not set.",
                    self.path
                );
                let class = "FILE_IN_STAGING_PATH_ALREADY_EXISTS";
                return StatementError::new("ALREADY_EXISTS", class, "42K03", &text);
            }
            ErrorCode::InternalError => {
                tracing::error!(%error, cause = ?error.internal, "a link to a file could not be made");
                ("INTERNAL_ERROR", "INTERNAL_ERROR", "XX000")
            }
            ErrorCode::PermissionDenied => {
                ("PERMISSION_DENIED", "INSUFFICIENT_PERMISSIONS", "42501")
            }
            code if code.http_status().as_u16() == 404 => {
                ("NOT_FOUND", "STAGING_PATH_NOT_FOUND", "42704")
            }
            _ => ("BAD_REQUEST", "INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY", "22604"),
        };
        StatementError::new(code, class, state, &error.message)
    }

    /// The one row of the answer, as JSON.
    pub fn row(&self, link: &str) -> serde_json::Result<Bytes> {
        let local_file = (!self.local_file.is_empty()).then_some(&self.local_file);
        serde_json::to_vec(&[(self.verb.as_str(), link, "{}", local_file)]).map(Bytes::from)
    }
}

pub(crate) fn schema() -> ResultSchema {
    let column = |name: &str| Column {
        name: name.to_owned(),
        type_name: "STRING".to_owned(),
        type_text: "STRING".to_owned(),
        nullable: true,
        ..Column::default()
    };
    let columns = ["operation", "presignedUrl", "headers", "localFile"].map(column).to_vec();
    ResultSchema { columns, arrow_schema: Bytes::new() }
}
