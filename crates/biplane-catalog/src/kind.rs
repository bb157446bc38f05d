//! The kinds of securables, and the words clients use for them.

use biplane_platform::{ApiError, ErrorCode, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Metastore,
    Catalog,
    Schema,
    /// Views too: they share names with tables.
    Table,
    Volume,
    Function,
    ExternalLocation,
    /// Storage credentials, and credentials for services.
    Credential,
}

impl Kind {
    #[cfg(test)]
    pub const ALL: [Kind; 8] = [
        Kind::Metastore,
        Kind::Catalog,
        Kind::Schema,
        Kind::Table,
        Kind::Volume,
        Kind::Function,
        Kind::ExternalLocation,
        Kind::Credential,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Metastore => "METASTORE",
            Kind::Catalog => "CATALOG",
            Kind::Schema => "SCHEMA",
            Kind::Table => "TABLE",
            Kind::Volume => "VOLUME",
            Kind::Function => "FUNCTION",
            Kind::ExternalLocation => "EXTERNAL_LOCATION",
            Kind::Credential => "STORAGE_CREDENTIAL",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Metastore => "Metastore",
            Kind::Catalog => "Catalog",
            Kind::Schema => "Schema",
            Kind::Table => "Table",
            Kind::Volume => "Volume",
            Kind::Function => "Function",
            Kind::ExternalLocation => "External Location",
            Kind::Credential => "Storage Credential",
        }
    }

    /// From a path: any case, blanks or underscores.
    pub fn parse(text: &str) -> Result<Self> {
        match text.to_uppercase().replace([' ', '-'], "_").as_str() {
            "METASTORE" => Ok(Kind::Metastore),
            "CATALOG" => Ok(Kind::Catalog),
            "SCHEMA" | "DATABASE" => Ok(Kind::Schema),
            "TABLE" | "VIEW" => Ok(Kind::Table),
            "VOLUME" => Ok(Kind::Volume),
            "FUNCTION" | "PROCEDURE" => Ok(Kind::Function),
            "EXTERNAL_LOCATION" => Ok(Kind::ExternalLocation),
            "STORAGE_CREDENTIAL" | "CREDENTIAL" | "SERVICE_CREDENTIAL" => Ok(Kind::Credential),
            "CONNECTION" | "SHARE" | "RECIPIENT" | "PROVIDER" | "CLEAN_ROOM" | "PIPELINE"
            | "MODEL" | "REGISTERED_MODEL" | "STAGING_TABLE" | "EXTERNAL_METADATA" => {
                Err(ApiError::unsupported(format!("The securable type {}", text.to_uppercase())))
            }
            _ => Err(ApiError::invalid("The securable type is not one there is.")),
        }
    }

    /// How many parts a full name of this kind has.
    pub fn depth(self) -> usize {
        match self {
            Kind::Schema => 2,
            Kind::Table | Kind::Volume | Kind::Function => 3,
            _ => 1,
        }
    }

    pub fn missing(self, full_name: &str) -> ApiError {
        let code = match self {
            Kind::Catalog => ErrorCode::CatalogDoesNotExist,
            Kind::Schema => ErrorCode::SchemaDoesNotExist,
            Kind::Table => ErrorCode::TableDoesNotExist,
            Kind::Volume => ErrorCode::VolumeDoesNotExist,
            Kind::Function => ErrorCode::FunctionDoesNotExist,
            _ => ErrorCode::ResourceDoesNotExist,
        };
        ApiError::new(code, format!("{} '{full_name}' does not exist.", self.title()))
    }

    pub fn taken(self, full_name: &str) -> ApiError {
        let code = match self {
            Kind::Catalog => ErrorCode::CatalogAlreadyExists,
            Kind::Schema => ErrorCode::SchemaAlreadyExists,
            Kind::Table => ErrorCode::TableAlreadyExists,
            _ => ErrorCode::ResourceAlreadyExists,
        };
        ApiError::new(code, format!("{} '{full_name}' already exists.", self.title()))
    }
}
