//! Process 1 of a sandbox: starts the program, reaps what is orphaned, passes on one signal, and takes
//! everything with it when the program ends.

use super::inside::report;
use super::{Order, mounts};
use crate::error::{At, LaunchError, Result, refuse};
use crate::spec::{Layer, Program, WORK, WORK_INSIDE};
use crate::sys;
use biplane_forwarder::Listeners;
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

/// The program, for the signal handler.
static MAIN: AtomicI32 = AtomicI32::new(0);

pub struct Ends {
    pub stderr: OwnedFd,
    /// Held open: the supervisor's writes must not fail.
    pub life: OwnedFd,
    pub failed: OwnedFd,
    pub done: OwnedFd,
}

pub fn run(order: &Order, listeners: Option<Listeners>, ends: Ends) -> ! {
    let Ends { stderr, life, failed, done } = ends;
    let main = match sys::fork() {
        Ok(0) => {
            drop((listeners, life, done));
            let error = execute(order, &stderr);
            report(&failed, &error)
        }
        Ok(main) => main,
        Err(error) => {
            report(&failed, &LaunchError { step: "fork".into(), error: error.to_string() })
        }
    };
    MAIN.store(main, Ordering::Relaxed);
    sys::reset_signals();
    let _ = sys::on_signal(libc::SIGTERM, pass_on);
    drop((failed, stderr));
    if let Some(listeners) = listeners
        && let Ok(0) = sys::fork()
    {
        drop((life, done));
        sys::reset_signals();
        biplane_forwarder::run(&listeners);
        sys::exit(1);
    }
    loop {
        match sys::wait(-1, 0) {
            Ok(Some((pid, status))) if pid == main => {
                let _ = File::from(done).write_all(&status.to_ne_bytes());
                // The kernel ends everything else in this namespace.
                sys::exit(0);
            }
            Ok(_) => {}
            Err(_) => sys::exit(1),
        }
    }
}

extern "C" fn pass_on(signal: i32) {
    let _ = sys::kill(MAIN.load(Ordering::Relaxed), signal);
}

/// Becomes the program; returns only why not.
fn execute(order: &Order, stderr: &OwnedFd) -> LaunchError {
    match ready(order, stderr) {
        Ok((path, arguments, environment)) => LaunchError {
            step: format!("execute {}", order.spec.program.path.display()),
            error: sys::execve(&path, &arguments, &environment).to_string(),
        },
        Err(error) => error,
    }
}

type Command = (CString, Vec<CString>, Vec<CString>);

fn ready(order: &Order, stderr: &OwnedFd) -> Result<Command> {
    let spec = &order.spec;
    sys::new_session().at("start a session")?;
    sys::reset_signals();
    let work = if spec.keeps(Layer::Files) { WORK_INSIDE.into() } else { spec.dir.join(WORK) };
    sys::c_path(&work).and_then(|work| sys::change_dir(&work)).at("enter the working directory")?;
    let null = File::options().read(true).write(true).open("/dev/null").at("open /dev/null")?;
    for number in [0, 1] {
        sys::place(null.as_fd(), number).at("open standard input and output")?;
    }
    sys::place(stderr.as_fd(), 2).at("open standard error")?;
    if spec.keeps(Layer::Descriptors) {
        sys::close_on_exec_from(3).at("close descriptors")?;
    }
    command(&spec.program, spec.keeps(Layer::Files))
}

fn command(program: &Program, sees_files: bool) -> Result<Command> {
    let path = match &program.inside {
        Some(inside) => inside.clone(),
        None if sees_files => mounts::inside_path(&program.path)?,
        None => program.path.clone(),
    };
    let text = |bytes: Vec<u8>| match CString::new(bytes) {
        Ok(text) => Ok(text),
        Err(error) => refuse("read the command", error),
    };
    let path = sys::c_path(&path).at("read the command")?;
    let mut arguments = vec![path.clone()];
    for argument in &program.args {
        arguments.push(text(argument.clone().into_bytes())?);
    }
    let pair = |(name, value): &(String, String)| text(format!("{name}={value}").into_bytes());
    let environment = program.env.iter().map(pair).collect::<Result<_>>()?;
    Ok((path, arguments, environment))
}
