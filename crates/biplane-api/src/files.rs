//! Wire types of the Files API (`/api/2.0/fs`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryEntry {
    pub path: String,
    pub name: String,
    pub is_directory: bool,
    /// Bytes; absent for directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
    /// Milliseconds since the epoch; absent for directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<i64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListDirectoryResponse {
    pub contents: Vec<DirectoryEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MultipartUpload {
    pub session_token: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InitiateUploadResponse {
    pub multipart_upload: MultipartUpload,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CreateUploadPartUrls {
    pub path: String,
    pub session_token: String,
    pub start_part_number: u32,
    pub count: u32,
    /// RFC 3339; a session has a deadline of its own, which counts.
    #[serde(default)]
    pub expire_time: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HttpHeader {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadPartUrl {
    pub url: String,
    pub part_number: u32,
    pub headers: Vec<HttpHeader>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateUploadPartUrlsResponse {
    pub upload_part_urls: Vec<UploadPartUrl>,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CreateAbortUploadUrl {
    pub path: String,
    pub session_token: String,
    #[serde(default)]
    pub expire_time: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PresignedUrl {
    pub url: String,
    pub headers: Vec<HttpHeader>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateAbortUploadUrlResponse {
    pub abort_upload_url: PresignedUrl,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CompletedPart {
    pub part_number: u32,
    pub etag: String,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct CompleteUpload {
    #[serde(default)]
    pub parts: Vec<CompletedPart>,
}
