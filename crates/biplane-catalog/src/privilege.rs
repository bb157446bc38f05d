//! The privileges, and on which kinds of securables each means something.

use crate::kind::Kind;
use biplane_platform::{ApiError, Result};

macro_rules! privileges {
    ($($variant:ident $text:literal [$($kind:ident)*],)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Privilege { $($variant,)* }

        impl Privilege {
            pub const ALL: &[Privilege] = &[$(Privilege::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Privilege::$variant => $text,)* }
            }

            /// The kinds of securables on which it is exercised. On an ancestor it is granted for all of them below.
            pub fn kinds(self) -> &'static [Kind] {
                match self { $(Privilege::$variant => &[$(Kind::$kind,)*],)* }
            }

            fn known(text: &str) -> Option<Self> {
                match text { $($text => Some(Privilege::$variant),)* _ => None }
            }
        }
    };
}

privileges! {
    AllPrivileges "ALL_PRIVILEGES" [Catalog Schema Table Volume Function ExternalLocation Credential],
    Manage "MANAGE" [Catalog Schema Table Volume Function ExternalLocation Credential],
    Browse "BROWSE" [Catalog Schema Table Volume Function ExternalLocation],
    ApplyTag "APPLY_TAG" [Catalog Schema Table Volume Function],
    UseCatalog "USE_CATALOG" [Catalog],
    CreateSchema "CREATE_SCHEMA" [Catalog],
    UseSchema "USE_SCHEMA" [Schema],
    CreateTable "CREATE_TABLE" [Schema],
    CreateView "CREATE_VIEW" [Schema],
    CreateMaterializedView "CREATE_MATERIALIZED_VIEW" [Schema],
    CreateVolume "CREATE_VOLUME" [Schema],
    CreateFunction "CREATE_FUNCTION" [Schema],
    CreateModel "CREATE_MODEL" [Schema],
    ExternalUseSchema "EXTERNAL_USE_SCHEMA" [Schema],
    Select "SELECT" [Table],
    Modify "MODIFY" [Table],
    Refresh "REFRESH" [Table],
    ReadVolume "READ_VOLUME" [Volume],
    WriteVolume "WRITE_VOLUME" [Volume],
    Execute "EXECUTE" [Function],
    CreateCatalog "CREATE_CATALOG" [Metastore],
    CreateConnection "CREATE_CONNECTION" [Metastore],
    CreateStorageCredential "CREATE_STORAGE_CREDENTIAL" [Metastore],
    CreateServiceCredential "CREATE_SERVICE_CREDENTIAL" [Metastore],
    CreateShare "CREATE_SHARE" [Metastore],
    CreateRecipient "CREATE_RECIPIENT" [Metastore],
    CreateProvider "CREATE_PROVIDER" [Metastore],
    CreateCleanRoom "CREATE_CLEAN_ROOM" [Metastore],
    UseShare "USE_SHARE" [Metastore],
    UseRecipient "USE_RECIPIENT" [Metastore],
    UseProvider "USE_PROVIDER" [Metastore],
    SetSharePermission "SET_SHARE_PERMISSION" [Metastore],
    ManageAllowlist "MANAGE_ALLOWLIST" [Metastore],
    CreateExternalLocation "CREATE_EXTERNAL_LOCATION" [Metastore Credential],
    CreateExternalTable "CREATE_EXTERNAL_TABLE" [ExternalLocation Credential],
    CreateExternalVolume "CREATE_EXTERNAL_VOLUME" [ExternalLocation],
    CreateManagedStorage "CREATE_MANAGED_STORAGE" [ExternalLocation],
    CreateForeignSecurable "CREATE_FOREIGN_SECURABLE" [ExternalLocation],
    ReadFiles "READ_FILES" [ExternalLocation Credential],
    WriteFiles "WRITE_FILES" [ExternalLocation Credential],
    ExternalUseLocation "EXTERNAL_USE_LOCATION" [ExternalLocation],
    Access "ACCESS" [Credential],
}

impl Privilege {
    /// From a client: any case, blanks or underscores.
    pub fn parse(text: &str) -> Result<Self> {
        let upper = text.trim().to_uppercase().replace(' ', "_");
        let upper = match upper.as_str() {
            "ALL" => "ALL_PRIVILEGES",
            "USE_DATABASE" => "USE_SCHEMA",
            "CREATE_DATABASE" => "CREATE_SCHEMA",
            other => other,
        };
        Self::known(upper).ok_or_else(|| {
            let shown: String = text.chars().take(64).collect();
            ApiError::invalid(format!("Privilege '{shown}' is not one there is."))
        })
    }

    /// As SQL writes it.
    pub fn title(self) -> String {
        self.as_str().replace('_', " ")
    }

    /// Never part of ALL PRIVILEGES.
    pub fn explicit(self) -> bool {
        matches!(
            self,
            Privilege::Manage
                | Privilege::ExternalUseSchema
                | Privilege::ExternalUseLocation
                | Privilege::AllPrivileges
        )
    }

    /// Whether it can be granted on `kind`: it is exercised there, or on something below.
    pub fn grantable_on(self, kind: Kind) -> bool {
        if self == Privilege::Browse {
            // Only where Databricks takes it.
            return matches!(kind, Kind::Catalog | Kind::Schema | Kind::ExternalLocation);
        }
        self.kinds().iter().any(|&exercised| exercised == kind || below(exercised, kind))
    }

    /// Whether it changes something; a read-only workspace binding takes these away.
    pub fn writes(self) -> bool {
        !matches!(
            self,
            Privilege::Select
                | Privilege::UseCatalog
                | Privilege::UseSchema
                | Privilege::Browse
                | Privilege::ReadVolume
                | Privilege::ReadFiles
                | Privilege::Execute
                | Privilege::Access
                | Privilege::ExternalUseSchema
                | Privilege::ExternalUseLocation
        )
    }
}

/// Whether things of the kind `inner` lie in things of the kind `outer`. Rights on a metastore are its own.
fn below(inner: Kind, outer: Kind) -> bool {
    match outer {
        Kind::Catalog => {
            matches!(inner, Kind::Schema | Kind::Table | Kind::Volume | Kind::Function)
        }
        Kind::Schema => matches!(inner, Kind::Table | Kind::Volume | Kind::Function),
        _ => false,
    }
}
