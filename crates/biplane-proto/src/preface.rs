//! The first line of every connection to the relay: `biplane/1 <role> <id>\n`; that of a node also says
//! which agent it is, and is answered with a line before gRPC begins.
//!
//! A node dials the control plane (mutual TLS) and says which kind of connection this is. The identity
//! behind it is the client certificate; for a sandbox it is the door that accepted, so the *node*
//! writes the line, never the sandbox. To its door the sandbox says only `serve\n`, `call\n`, `code\n`,
//! `spark\n` or `catalog\n`.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The name in the relay's certificate. Whatever address a node reaches it at, this is what it checks.
pub const RELAY_NAME: &str = "relay.biplane.internal";

/// A line longer than this is not ours.
const LINE_BYTES_MAX: usize = 128;

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The node agent serves `Node` on it, once it was told `Verdict::Welcome`.
    Node { node_id: String, agent: Agent },
    /// A node, or a host that wants to be one (`new`), asks for a certificate.
    Admission { node_id: String },
    /// The engine of a sandbox serves `Engine` on it, or a runtime Spark Connect.
    Engine { sandbox_id: String },
    /// The control plane serves its REST API on it, to this sandbox.
    Call { sandbox_id: String },
    /// The interpreter of a sandbox takes code on it.
    Code { sandbox_id: String },
    /// The control plane serves Spark Connect on it: the runtime of the sandbox's user.
    Spark { sandbox_id: String },
    /// The control plane serves a runtime its user's catalog on it.
    Catalog { sandbox_id: String },
}

/// One run of a node agent. Of two with the same identity the later one is the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Grows with every start of the agent.
    pub incarnation: u64,
    /// Random: tells copies of one identity apart.
    pub run: u64,
}

/// What a node that connects is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Welcome,
    Refused(Refusal),
}

/// Why it is not let in, for good: trying again does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the certificate of this node has expired; let it join again with a new token")]
    Expired,
    #[error("the control plane does not know this node: it was removed, or joined again elsewhere")]
    Unknown,
    #[error("another agent runs with the identity of this node")]
    Superseded,
}

/// What a sandbox asks of its relay door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorRequest {
    /// This connection will be served by the engine.
    Serve,
    /// This connection will be served by the control plane.
    Call,
    /// On this connection the sandbox takes code of its user: length and JSON, both ways.
    Code,
    /// On this connection the sandbox speaks Spark Connect to the runtime of its user.
    Spark,
    /// On this connection a runtime asks for tables of the catalog.
    Catalog,
}

#[derive(Debug, thiserror::Error)]
pub enum PrefaceError {
    #[error("the connection ended or failed before its first line was complete")]
    Io(#[from] std::io::Error),
    #[error("the first line of the connection is not a biplane preface")]
    Malformed,
}

impl Role {
    fn line(&self) -> String {
        match self {
            Role::Node { node_id, agent: Agent { incarnation, run } } => {
                format!("biplane/1 node {node_id} {incarnation} {run:016x}\n")
            }
            Role::Admission { node_id } => format!("biplane/1 admission {node_id}\n"),
            Role::Engine { sandbox_id } => format!("biplane/1 engine {sandbox_id}\n"),
            Role::Call { sandbox_id } => format!("biplane/1 call {sandbox_id}\n"),
            Role::Code { sandbox_id } => format!("biplane/1 code {sandbox_id}\n"),
            Role::Spark { sandbox_id } => format!("biplane/1 spark {sandbox_id}\n"),
            Role::Catalog { sandbox_id } => format!("biplane/1 catalog {sandbox_id}\n"),
        }
    }

    pub async fn write<W: AsyncWrite + Unpin>(&self, io: &mut W) -> Result<(), PrefaceError> {
        io.write_all(self.line().as_bytes()).await?;
        io.flush().await?;
        Ok(())
    }

    pub async fn read<R: AsyncRead + Unpin>(io: &mut R) -> Result<Self, PrefaceError> {
        let line = read_line(io).await?;
        let words: Vec<&str> = line.splitn(6, ' ').collect();
        let ["biplane/1", role, id, rest @ ..] = words.as_slice() else {
            return Err(PrefaceError::Malformed);
        };
        let well_formed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > 64 || !id.chars().all(well_formed) {
            return Err(PrefaceError::Malformed);
        }
        let id = (*id).to_owned();
        match (*role, rest) {
            ("node", [incarnation, run]) => {
                let incarnation = incarnation.parse().map_err(|_| PrefaceError::Malformed)?;
                let run = u64::from_str_radix(run, 16).map_err(|_| PrefaceError::Malformed)?;
                Ok(Role::Node { node_id: id, agent: Agent { incarnation, run } })
            }
            ("admission", []) => Ok(Role::Admission { node_id: id }),
            ("engine", []) => Ok(Role::Engine { sandbox_id: id }),
            ("call", []) => Ok(Role::Call { sandbox_id: id }),
            ("code", []) => Ok(Role::Code { sandbox_id: id }),
            ("spark", []) => Ok(Role::Spark { sandbox_id: id }),
            ("catalog", []) => Ok(Role::Catalog { sandbox_id: id }),
            _ => Err(PrefaceError::Malformed),
        }
    }
}

impl Verdict {
    pub async fn write<W: AsyncWrite + Unpin>(self, io: &mut W) -> Result<(), PrefaceError> {
        let line: &[u8] = match self {
            Verdict::Welcome => b"biplane/1 welcome\n",
            Verdict::Refused(Refusal::Expired) => b"biplane/1 refused expired\n",
            Verdict::Refused(Refusal::Unknown) => b"biplane/1 refused unknown\n",
            Verdict::Refused(Refusal::Superseded) => b"biplane/1 refused superseded\n",
        };
        io.write_all(line).await?;
        io.flush().await?;
        Ok(())
    }

    pub async fn read<R: AsyncRead + Unpin>(io: &mut R) -> Result<Self, PrefaceError> {
        match read_line(io).await?.as_str() {
            "biplane/1 welcome" => Ok(Verdict::Welcome),
            "biplane/1 refused expired" => Ok(Verdict::Refused(Refusal::Expired)),
            "biplane/1 refused unknown" => Ok(Verdict::Refused(Refusal::Unknown)),
            "biplane/1 refused superseded" => Ok(Verdict::Refused(Refusal::Superseded)),
            _ => Err(PrefaceError::Malformed),
        }
    }
}

impl DoorRequest {
    pub async fn write<W: AsyncWrite + Unpin>(self, io: &mut W) -> Result<(), PrefaceError> {
        let line: &[u8] = match self {
            DoorRequest::Serve => b"serve\n",
            DoorRequest::Call => b"call\n",
            DoorRequest::Code => b"code\n",
            DoorRequest::Spark => b"spark\n",
            DoorRequest::Catalog => b"catalog\n",
        };
        io.write_all(line).await?;
        io.flush().await?;
        Ok(())
    }

    pub async fn read<R: AsyncRead + Unpin>(io: &mut R) -> Result<Self, PrefaceError> {
        match read_line(io).await?.as_str() {
            "serve" => Ok(DoorRequest::Serve),
            "call" => Ok(DoorRequest::Call),
            "code" => Ok(DoorRequest::Code),
            "spark" => Ok(DoorRequest::Spark),
            "catalog" => Ok(DoorRequest::Catalog),
            _ => Err(PrefaceError::Malformed),
        }
    }
}

/// Reads byte by byte: what follows the line belongs to HTTP/2 and must stay in the stream.
async fn read_line<R: AsyncRead + Unpin>(io: &mut R) -> Result<String, PrefaceError> {
    let mut line = Vec::with_capacity(64);
    loop {
        match io.read_u8().await? {
            b'\n' => break,
            byte if line.len() < LINE_BYTES_MAX => line.push(byte),
            _ => return Err(PrefaceError::Malformed),
        }
    }
    String::from_utf8(line).map_err(|_| PrefaceError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn roles_survive_the_wire_and_leave_the_rest() {
        let agent = Agent { incarnation: u64::MAX, run: u64::MAX - 1 };
        for role in [
            Role::Engine { sandbox_id: "sb-1".into() },
            Role::Node { node_id: "0".repeat(36), agent },
            Role::Admission { node_id: "new".into() },
        ] {
            let mut bytes = Vec::new();
            role.write(&mut bytes).await.unwrap();
            bytes.extend_from_slice(b"PRI *");
            let mut io = bytes.as_slice();
            assert_eq!(Role::read(&mut io).await.unwrap(), role);
            assert_eq!(io, b"PRI *");
        }
    }

    #[tokio::test]
    async fn verdicts_survive_the_wire() {
        let refused = [Refusal::Expired, Refusal::Unknown, Refusal::Superseded];
        for verdict in refused.map(Verdict::Refused).into_iter().chain([Verdict::Welcome]) {
            let mut bytes = Vec::new();
            verdict.write(&mut bytes).await.unwrap();
            assert_eq!(Verdict::read(&mut bytes.as_slice()).await.unwrap(), verdict);
        }
    }

    #[tokio::test]
    async fn refuses_what_is_not_ours() {
        let long = [b'a'; 500];
        for line in [
            &b"GET / HTTP/1.1\n"[..],
            b"biplane/1 node ../x 1 1\n",
            b"biplane/1 node x\n",
            b"biplane/1 node x -1 1\n",
            b"biplane/1 node x 1 1 1\n",
            b"biplane/1 call x 1\n",
            b"\n",
            &long,
        ] {
            assert!(Role::read(&mut &line[..]).await.is_err());
        }
    }
}
