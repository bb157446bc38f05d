//! The one thread that forks.
//!
//! The kernel ties the parent-death signal to the *thread* that forked, not to its process: forked from
//! a worker of the runtime, a child could be killed when that worker retires. This thread lives as long
//! as the agent, so a child dies when the agent does, and never before.

use std::io;
use std::sync::mpsc;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Job {
    command: Command,
    done: oneshot::Sender<io::Result<Child>>,
}

#[derive(Debug)]
pub struct Spawner {
    jobs: mpsc::Sender<Job>,
}

impl Spawner {
    pub fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let runtime = Handle::current();
        std::thread::Builder::new().name("spawner".into()).spawn(move || {
            let _entered = runtime.enter();
            while let Ok(mut job) = queue.recv() {
                // A caller that went away drops the child here, which kills it (`kill_on_drop`).
                let _ = job.done.send(job.command.spawn());
            }
        })?;
        Ok(Self { jobs })
    }

    pub async fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the spawning thread ended");
        let (done, answer) = oneshot::channel();
        self.jobs.send(Job { command, done }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}
