//! Where an agent keeps what is its own. A host has two such places, so that one agent can take over from
//! another: the new one starts beside the old one, which then ends what it runs.

use crate::NodeError;
use crate::host::private_dir;
use crate::identity::{self, Identity};
use biplane_api::ids::NodeId;
use biplane_proto::preface::Agent;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const NAMES: [&str; 2] = ["a", "b"];
const INCARNATION: &str = "incarnation";

/// Belongs to this agent until it is dropped.
pub struct Place {
    pub dir: PathBuf,
    pub agent: Agent,
    /// The agent that runs on this host now, and is to be taken over from.
    pub predecessor: Option<Identity>,
    /// Nodes of this host that no agent is any more, once the predecessor has ended.
    pub gone: Vec<NodeId>,
    pub other_dir: PathBuf,
    _lock: Flock<File>,
}

/// Takes the place that was used last; beside an agent that runs, when that is to be `replace`d, the other
/// one. What an agent before it left there is swept (its processes died with it).
pub fn claim(data_dir: &Path, replace: bool) -> Result<Place, NodeError> {
    let failed = |source| NodeError::WorkDir { path: data_dir.to_owned(), source };
    let agents = data_dir.join("agents");
    let dirs = NAMES.map(|name| agents.join(name));
    for dir in &dirs {
        private_dir(dir).map_err(failed)?;
    }
    // Two that start at once do not see each other's half.
    let choosing = File::create(agents.join("choosing.lock")).map_err(failed)?;
    let _choosing =
        Flock::lock(choosing, FlockArg::LockExclusive).map_err(|(_, e)| failed(e.into()))?;
    let [a, b] = dirs.each_ref().map(|dir| lock(dir));
    let [in_a, in_b] = dirs.each_ref().map(|dir| Identity::load(dir));
    let (in_a, in_b) = (in_a.map_err(failed)?, in_b.map_err(failed)?);
    let [dir_a, dir_b] = dirs;
    let serial = |identity: &Option<Identity>| identity.as_ref().map_or(0, |one| one.serial);
    let beside = |free: (Flock<File>, PathBuf, Option<Identity>),
                  dir,
                  running: Option<Identity>| match (replace, running) {
        (false, _) => Err(NodeError::InUse(data_dir.to_owned())),
        (true, None) => Err(NodeError::NothingToReplace),
        (true, Some(running)) => {
            Identity::remove(&free.1).map_err(failed)?;
            let gone = free.2.map(|left| left.node_id).into_iter();
            let gone = gone.chain([running.node_id.clone()]).collect();
            Ok((free.0, free.1, dir, Some(running), gone))
        }
    };
    let (lock, dir, other_dir, predecessor, gone) = match (a.map_err(failed)?, b.map_err(failed)?) {
        (None, None) => return Err(NodeError::Replacing(data_dir.to_owned())),
        (Some(lock), None) => beside((lock, dir_a, in_a), dir_b, in_b)?,
        (None, Some(lock)) => beside((lock, dir_b, in_b), dir_a, in_a)?,
        (Some(lock), Some(_)) if serial(&in_a) >= serial(&in_b) => {
            (lock, dir_a, dir_b, None, in_b.map(|left| left.node_id).into_iter().collect())
        }
        (Some(_), Some(lock)) => {
            (lock, dir_b, dir_a, None, in_a.map(|left| left.node_id).into_iter().collect())
        }
    };
    sweep(&dir).map_err(failed)?;
    let agent = next_agent(&dir).map_err(failed)?;
    Ok(Place { dir, agent, predecessor, gone, other_dir, _lock: lock })
}

impl Place {
    /// Whether no agent holds the other place.
    pub fn other_is_free(&self) -> bool {
        matches!(lock(&self.other_dir), Ok(Some(_)))
    }
}

/// None: an agent has it.
fn lock(dir: &Path) -> io::Result<Option<Flock<File>>> {
    let file = File::create(dir.join("node.lock"))?;
    Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).ok())
}

fn sweep(dir: &Path) -> io::Result<()> {
    let sandboxes = dir.join("sandboxes");
    if sandboxes.exists() {
        fs::remove_dir_all(&sandboxes)?;
    }
    private_dir(&sandboxes)
}

fn next_agent(dir: &Path) -> io::Result<Agent> {
    let last = fs::read_to_string(dir.join(INCARNATION)).unwrap_or_default();
    let incarnation = last.trim().parse::<u64>().unwrap_or(0) + 1;
    identity::write(dir, INCARNATION, incarnation.to_string().as_bytes())?;
    let mut run = [0; 8];
    getrandom::fill(&mut run).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Agent { incarnation, run: u64::from_ne_bytes(run) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::NewKey;
    use biplane_proto::admission::Admitted;

    fn identity(serial: u64) -> Identity {
        let node_id = NodeId::random().to_string();
        let admitted = Admitted { node_id, life_ms: 60_000, ..Admitted::default() };
        NewKey::make().unwrap().admitted(&admitted, serial).unwrap()
    }

    #[test]
    fn a_host_has_one_agent_and_one_that_takes_over() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("agents/a/sandboxes/old")).unwrap();
        let first = claim(root.path(), false).unwrap();
        assert!(!first.dir.join("sandboxes/old").exists());
        assert!(matches!(claim(root.path(), false), Err(NodeError::InUse(_))));
        assert!(matches!(claim(root.path(), true), Err(NodeError::NothingToReplace)));
        let old = identity(1);
        old.save(&first.dir).unwrap();
        let second = claim(root.path(), true).unwrap();
        assert_ne!(first.dir, second.dir);
        assert_eq!(second.predecessor.as_ref().unwrap().node_id, old.node_id);
        assert!(matches!(claim(root.path(), true), Err(NodeError::Replacing(_))));
        assert!(!second.other_is_free());
        drop(first);
        assert!(second.other_is_free());
        identity(2).save(&second.dir).unwrap();
        drop(second);
        // Both ended without having said so: the later one goes on.
        let third = claim(root.path(), false).unwrap();
        assert!(third.dir.ends_with("b") && third.predecessor.is_none());
        assert_eq!((third.gone.clone(), third.agent.incarnation), (vec![old.node_id], 2));
    }
}
