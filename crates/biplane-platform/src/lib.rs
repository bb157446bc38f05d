//! What every service stands on: the database, the context of a request, authorization on objects,
//! the audit sink, paging, extractors. It knows no service.

pub mod acl;
pub mod audit;
pub mod clock;
pub mod ctx;
pub mod db;
pub mod extract;
pub mod ipnet;
pub mod keys;
pub mod metrics;
pub mod page;
pub mod seal;
pub mod secret;
pub mod statement_token;
pub mod system;
pub mod testing;
pub mod trace;

pub use biplane_api::error::{ApiError, ErrorCode};
pub use clock::Clock;
pub use ctx::{Ctx, Entitlement, Origin, Principal, PrincipalKind, RelayPeer};
pub use db::{Db, Migration, Tx};
pub use extract::{ApiJson, ApiPath, ApiQuery};
pub use ipnet::IpNet;
pub use secret::Secret;

/// What an operation answers.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// Tables of this crate.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "platform_0001", sql: include_str!("../migrations/0001_platform.sql") },
    Migration { name: "platform_0002", sql: include_str!("../migrations/0002_seat.sql") },
];
