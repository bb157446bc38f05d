//! A network of its own for programs of this host that belong together: a namespace with nothing but
//! loopback. It is there as long as somebody holds it or runs in it.

use crate::sys;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

#[derive(Debug)]
pub struct VirtualNetwork {
    /// None: the namespace of this process, which may make networks as it is.
    user: Option<OwnedFd>,
    network: OwnedFd,
}

impl VirtualNetwork {
    /// Has `command` begin in a new network. It does not start where the kernel refuses that.
    pub fn of_new(command: &mut Command) {
        let (user, group) = (sys::effective_uid(), sys::effective_gid());
        let same = |id: u32| format!("{id} {id} 1\n");
        sys::in_new_network(command, sys::Maps { user: same(user), group: same(group) });
    }

    /// The network that this process, a child that was started so, is in.
    pub fn of(pid: u32) -> io::Result<Self> {
        let of = |what: &str| format!("/proc/{pid}/ns/{what}");
        let inode = |path: &str| fs::metadata(path).map(|at| at.ino());
        if inode(&of("net"))? == inode("/proc/self/ns/net")? {
            return Err(io::Error::other("it is in this process's network"));
        }
        let user = match inode(&of("user"))? == inode("/proc/self/ns/user")? {
            true => None,
            false => Some(File::open(of("user"))?.into()),
        };
        Ok(Self { user, network: File::open(of("net"))?.into() })
    }

    /// Has `command` begin in this network. It must be started while this is there.
    pub fn enter(&self, command: &mut Command) {
        let user = self.user.as_ref().map(AsRawFd::as_raw_fd);
        sys::in_network(command, user, self.network.as_raw_fd());
    }
}

/// Sends one byte and a descriptor with it.
pub fn pass(socket: BorrowedFd<'_>, fd: BorrowedFd<'_>) -> io::Result<()> {
    sys::send_fds(socket, [fd])
}

/// What was passed.
pub fn receive(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let [fd] = sys::receive_fds(socket)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Stdio};

    const NOBODY: u32 = 65_534;

    /// Reads the interfaces of its network, then waits for the end of its input.
    fn interfaces() -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "cat /proc/self/net/dev; echo; readlink /proc/self/ns/net; cat >&2"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    fn lines(child: &mut Child, ends: bool) -> Vec<String> {
        let mut text = String::new();
        if ends {
            drop(child.stdin.take());
        }
        let mut output = child.stdout.take().unwrap();
        let mut byte = [0];
        while !text.ends_with("]\n") && output.read(&mut byte).unwrap() == 1 {
            text.push(byte[0].into());
        }
        text.lines().map(str::to_owned).collect()
    }

    /// Where the kernel refuses, there is nothing to test: sandboxes are impossible there, too.
    fn are_together_and_apart(mut first: Command) {
        let Ok(mut first) = first.spawn() else {
            return;
        };
        let network = VirtualNetwork::of(first.id()).unwrap();
        let mut second = interfaces();
        network.enter(&mut second);
        let mut second = second.spawn().unwrap();
        let (one, two) = (lines(&mut first, false), lines(&mut second, true));
        assert_eq!(one.last(), two.last());
        let here = fs::read_link("/proc/self/ns/net").unwrap();
        assert_ne!(one.last().map(String::as_str), here.to_str());
        // Under two lines of headings.
        let devices = one.iter().skip(2).filter_map(|line| line.split_once(':'));
        assert_eq!(devices.map(|(name, _)| name.trim()).next(), Some("lo"), "{one:?}");
        drop(first.stdin.take());
        first.wait().unwrap();
        second.wait().unwrap();
        // It is still there.
        let mut third = interfaces();
        network.enter(&mut third);
        let mut third = third.spawn().unwrap();
        assert_eq!(lines(&mut third, true).last(), one.last());
        third.wait().unwrap();
    }

    #[test]
    fn programs_of_one_network_are_together_and_apart_from_the_host() {
        let mut first = interfaces();
        VirtualNetwork::of_new(&mut first);
        are_together_and_apart(first);
    }

    /// As a user without any rights, where this one may become such a user.
    #[test]
    fn a_network_needs_no_privilege() {
        if sys::effective_uid() != 0 {
            return;
        }
        let mut first = interfaces();
        first.uid(NOBODY).gid(NOBODY);
        let same = format!("{NOBODY} {NOBODY} 1\n");
        sys::in_new_network(&mut first, sys::Maps { user: same.clone(), group: same });
        are_together_and_apart(first);
    }

    #[test]
    fn this_network_is_nobody_s_virtual_one() {
        assert!(VirtualNetwork::of(std::process::id()).is_err());
    }

    #[test]
    fn a_connection_is_passed_on() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        pass(ours.as_fd(), stream.as_fd()).unwrap();
        let received = TcpStream::from(receive(theirs.as_fd()).unwrap());
        assert_eq!(received.peer_addr().unwrap(), listener.local_addr().unwrap());
        drop(ours);
        let error = receive(theirs.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
