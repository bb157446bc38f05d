//! Every id of the system, once. A bare `String`, `i64` or `Uuid` never names a thing in a signature.
//!
//! Numeric ids stay below 2^53 so that JavaScript clients keep them exact; on the wire they are
//! decimal (clients parse workspace and principal ids as integers).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The text is not an id of this kind.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is not a valid {1}")]
pub struct InvalidId(pub String, pub &'static str);

/// Random bytes from the operating system. Without them nothing here is safe to run.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "no ids, tokens or keys without entropy")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

macro_rules! int_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            pub fn random() -> Self {
                // 16 decimal digits, below 2^53.
                let n = u64::from_le_bytes(random::<8>());
                Self(1_000_000_000_000_000 + (n % 8_000_000_000_000_000) as i64)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(s: &str) -> Result<Self, InvalidId> {
                match s.parse::<i64>() {
                    Ok(n) if n > 0 && s.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(n)),
                    _ => Err(InvalidId(s.chars().take(64).collect(), stringify!($name))),
                }
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $make:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn random() -> Self { Self($make()) }
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(s: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(s) { Ok(Self(s.to_owned())) } else {
                    Err(InvalidId(s.chars().take(64).collect(), stringify!($name)))
                }
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(s: String) -> Result<Self, InvalidId> { s.parse() }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String { id.0 }
        }
    };
}

fn uuid_text() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn hex16() -> String {
    format!("{:016x}", u64::from_be_bytes(random::<8>()))
}

/// `0123-456789-abcdefgh`
fn cluster_text() -> String {
    let bytes = random::<18>();
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let one = |(place, byte): (usize, &u8)| match place {
        0..10 => char::from(b'0' + byte % 10),
        _ => char::from(letters[usize::from(*byte) % letters.len()]),
    };
    let text: String = bytes.iter().enumerate().map(one).collect();
    format!("{}-{}-{}", &text[..4], &text[4..10], &text[10..])
}

fn is_cluster(s: &str) -> bool {
    let shape = |(place, byte): (usize, u8)| match place {
        4 | 11 => byte == b'-',
        0..11 => byte.is_ascii_digit(),
        _ => byte.is_ascii_digit() || byte.is_ascii_lowercase(),
    };
    s.len() == 20 && s.bytes().enumerate().all(shape)
}

fn hex16_upper() -> String {
    hex16().to_ascii_uppercase()
}

fn is_hex16_upper(s: &str) -> bool {
    s.len() == 16 && s.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
}

/// `0123-456789-hosts12-pool-abcdefgh`
fn pool_text() -> String {
    let text = cluster_text();
    format!("{}-hosts{}-pool-{}", &text[..11], &text[8..10], &text[12..])
}

fn is_pool(s: &str) -> bool {
    let well = |b: u8| b == b'-' || b.is_ascii_digit() || b.is_ascii_lowercase();
    s.len() == 33 && s.get(19..25) == Some("-pool-") && s.bytes().all(well)
}

fn is_uuid(s: &str) -> bool {
    s.len() == 36 && uuid::Uuid::try_parse(s).is_ok()
}

fn is_hex16(s: &str) -> bool {
    s.len() == 16 && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

int_id!(/** A workspace, decimal: clients parse it as an integer. */ WorkspaceId);
int_id!(/** A user, group or service principal (SCIM id). */ PrincipalId);
text_id!(AccountId, uuid_text, is_uuid);
text_id!(/** OAuth client id of a service principal. */ ApplicationId, || uuid::Uuid::new_v4().to_string(), is_uuid);
text_id!(MetastoreId, uuid_text, is_uuid);
text_id!(/** Any catalog securable: catalog, schema, table, volume, function, ... */ SecurableId, uuid_text, is_uuid);
text_id!(WarehouseId, hex16, is_hex16);
text_id!(/** A cluster, as clients know it: `0123-456789-abcdefgh`. */ ClusterId, cluster_text, is_cluster);
text_id!(/** A cluster policy: `A1B2C3D4E5F60718`. */ PolicyId, hex16_upper, is_hex16_upper);
text_id!(/** An instance pool: `0123-456789-hosts12-pool-abcdefgh`. */ InstancePoolId, pool_text, is_pool);
text_id!(NodeId, uuid_text, is_uuid);
text_id!(SandboxId, uuid_text, is_uuid);
text_id!(SqlSessionId, uuid_text, is_uuid);
text_id!(StatementId, uuid_text, is_uuid);
text_id!(RequestId, uuid_text, is_uuid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_refuse_others() {
        let id = WorkspaceId::random();
        assert_eq!(id.to_string().parse::<WorkspaceId>().unwrap(), id);
        assert!(id.0 < 1 << 53);
        for bad in ["", "-1", "+5", "1e3", "99999999999999999999", "x"] {
            assert!(bad.parse::<WorkspaceId>().is_err(), "{bad}");
        }
        assert!(WarehouseId::random().as_str().parse::<WarehouseId>().is_ok());
        assert!("ABCDEF0123456789".parse::<WarehouseId>().is_err());
        assert!(ClusterId::random().as_str().parse::<ClusterId>().is_ok());
        assert!("0123-456789-abcdefg!".parse::<ClusterId>().is_err());
        assert!(PolicyId::random().as_str().parse::<PolicyId>().is_ok());
        assert!(InstancePoolId::random().as_str().parse::<InstancePoolId>().is_ok());
        assert!("0123-456789-abcdefgh".parse::<InstancePoolId>().is_err());
        assert!("../../etc/passwd".parse::<StatementId>().is_err());
    }
}
