//! Images: the packages that code of users finds, built once for an interpreter, and our own programs.
//!
//! What must hold: an image is complete from the moment it has its name; packages are those whose
//! hashes are pinned; two nodes that share the directory build it once.

use super::{Interpreter, PythonError};
use crate::host::private_dir;
use crate::way_out::WayOut;
use nix::fcntl::{Flock, FlockArg};
use parking_lot::Mutex;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) const BUILD: &str = include_str!("../../python/build.py");
/// What an image is made of.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Begins the name of its directory.
    pub name: &'static str,
    requirements: &'static str,
    /// Packages that are published as source alone, and what builds them.
    sources: Option<(&'static str, &'static str)>,
    /// A program of Python that finishes the image; its argument is the directory of the packages.
    finish: Option<&'static str>,
}

/// What code of users finds.
pub(super) const PYTHON: Recipe = Recipe {
    name: "python",
    requirements: include_str!("../../python/requirements.txt"),
    sources: Some((
        include_str!("../../python/sources.txt"),
        include_str!("../../python/builder.txt"),
    )),
    finish: None,
};
/// The runtime Sail, in front of what code of users finds: functions of users run in it.
pub(super) const SAIL: Recipe = Recipe {
    name: "sail",
    requirements: include_str!("../../python/sail.txt"),
    sources: None,
    finish: None,
};
/// Apache Spark, with the Java that it runs on.
pub(super) const SPARK: Recipe = Recipe {
    name: "spark",
    requirements: include_str!("../../python/spark.txt"),
    sources: Some((
        include_str!("../../python/spark_sources.txt"),
        include_str!("../../python/builder.txt"),
    )),
    finish: Some(concat!(
        include_str!("../../python/spark_java.py"),
        include_str!("../../python/spark_image.py")
    )),
};
/// What Sail reads to learn the time zone.
pub(super) const TIMEZONE: &str = "timezone";
/// Our own programs, and the module for users.
const PROGRAMS: &[(&str, &str)] = &[
    ("runner.py", include_str!("../../python/runner.py")),
    ("worker.py", include_str!("../../python/worker.py")),
    ("runtime.py", include_str!("../../python/runtime.py")),
    ("spark_java.py", include_str!("../../python/spark_java.py")),
    ("spark.py", include_str!("../../python/spark.py")),
    ("prepare.py", include_str!("../../python/prepare.py")),
    ("bin/pip", "#!/bin/sh\nexec \"$BIPLANE_PYTHON\" -m pip \"$@\"\n"),
    ("bin/pip3", "#!/bin/sh\nexec \"$BIPLANE_PYTHON\" -m pip \"$@\"\n"),
    ("bin/python", "#!/bin/sh\nexec \"$BIPLANE_PYTHON\" \"$@\"\n"),
    ("bin/python3", "#!/bin/sh\nexec \"$BIPLANE_PYTHON\" \"$@\"\n"),
    (TIMEZONE, "UTC\n"),
    ("biplane.py", include_str!("../../python/biplane.py")),
    ("biplane_dbutils.py", include_str!("../../python/biplane_dbutils.py")),
    ("biplane_workspace.py", include_str!("../../python/biplane_workspace.py")),
];
/// A build that failed is not tried again before.
const AGAIN: Duration = Duration::from_secs(30);
const BUILD_MAX: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(100);
/// Of what pip says last.
const REASON_CHARS_MAX: usize = 500;

#[derive(Debug)]
pub(super) struct Image {
    pub packages: PathBuf,
    pub code: PathBuf,
    /// Files of the host that the packages need.
    pub libraries: Vec<PathBuf>,
}

#[derive(Debug)]
enum State {
    Unknown,
    Building(Instant),
    Ready(Arc<Image>),
    Failed(Instant, String),
}

#[derive(Debug)]
pub(super) struct Images {
    dir: PathBuf,
    recipe: &'static Recipe,
    /// Of the image's directory.
    name: String,
    executable: PathBuf,
    /// Who builds it, where this host reaches no package.
    builder: Option<WayOut>,
    state: Mutex<State>,
}

impl Images {
    pub fn new(dir: PathBuf, recipe: &'static Recipe, interpreter: &Interpreter) -> Self {
        let Recipe { name, requirements, sources, finish } = recipe;
        let wanted = (requirements, sources, BUILD, &interpreter.tag, &interpreter.executable);
        let wanted = finish.map_or_else(|| digest(&wanted), |finish| digest(&(wanted, finish)));
        let name = format!("{name}-{wanted}");
        let executable = interpreter.executable.clone();
        Self { dir, recipe, name, executable, builder: None, state: Mutex::new(State::Unknown) }
    }

    pub fn built_by(self, builder: Option<WayOut>) -> Self {
        Self { builder, ..self }
    }

    /// The image, when it is there; else it is being built from now on.
    pub fn get(self: &Arc<Self>) -> Result<Arc<Image>, PythonError> {
        let mut state = self.state.lock();
        match &*state {
            State::Ready(image) if image.packages.exists() && image.code.exists() => {
                return Ok(image.clone());
            }
            State::Building(since) => return Err(PythonError::Building(since.elapsed().as_secs())),
            State::Failed(at, reason) if at.elapsed() < AGAIN => {
                return Err(PythonError::Failed(reason.clone()));
            }
            State::Ready(_) | State::Failed(..) | State::Unknown => {}
        }
        if self.dir.join(&self.name).exists() {
            let image = Arc::new(self.load()?);
            *state = State::Ready(image.clone());
            return Ok(image);
        }
        *state = State::Building(Instant::now());
        let images = self.clone();
        // Not one of the runtime's threads: those are waited for when it ends.
        let started = std::thread::Builder::new().name("image".into()).spawn(move || {
            let built = images.build();
            *images.state.lock() = match built.and_then(|()| images.load()) {
                Ok(image) => State::Ready(Arc::new(image)),
                Err(error) => {
                    tracing::error!(%error, image = images.recipe.name, "an image could not be built");
                    State::Failed(Instant::now(), error.to_string())
                }
            };
        });
        if let Err(error) = started {
            *state = State::Failed(Instant::now(), error.to_string());
            return Err(error.into());
        }
        Err(PythonError::Building(0))
    }

    fn load(&self) -> io::Result<Image> {
        let image = self.dir.join(&self.name);
        let libraries = fs::read(image.join("libraries.json"))?;
        Ok(Image {
            packages: image.join("packages"),
            code: self.programs()?,
            libraries: serde_json::from_slice(&libraries)?,
        })
    }

    /// Writes our own programs where they are not yet.
    fn programs(&self) -> io::Result<PathBuf> {
        let code = self.dir.join(format!("python-code-{}", digest(&PROGRAMS)));
        if code.exists() {
            return Ok(code);
        }
        let _lock = self.lock()?;
        let making = self.making("code")?;
        let bin = making.join("bin");
        DirBuilder::new().mode(0o755).create(&bin)?;
        fs::set_permissions(&bin, Permissions::from_mode(0o755))?;
        for (name, text) in PROGRAMS {
            let mode = if name.starts_with("bin/") { 0o755 } else { 0o644 };
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(making.join(name))?;
            file.write_all(text.as_bytes())?;
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        put(&making, &code)?;
        Ok(code)
    }

    fn lock(&self) -> io::Result<Flock<File>> {
        private_dir(&self.dir)?;
        let file = File::create(self.dir.join("lock"))?;
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
    }

    /// An empty directory that others than its owner may read; what was left of one before is removed.
    fn making(&self, what: &str) -> io::Result<PathBuf> {
        let making = self.dir.join(format!(".making-{what}"));
        if making.exists() {
            fs::remove_dir_all(&making)?;
        }
        DirBuilder::new().mode(0o755).create(&making)?;
        fs::set_permissions(&making, Permissions::from_mode(0o755))?;
        Ok(making)
    }

    pub fn build(&self) -> io::Result<()> {
        if let Some(builder) = &self.builder {
            return builder.image(self.recipe.name);
        }
        let _lock = self.lock()?;
        if self.dir.join(&self.name).exists() {
            // Another node was quicker.
            return Ok(());
        }
        let (image, dir) = (self.recipe.name, self.dir.display());
        tracing::info!(image, %dir, "building an image; this happens once");
        let began = Instant::now();
        let making = self.making("image")?;
        let put_in = |name: &str, text: &str| {
            let file = making.join(name);
            fs::write(&file, text).map(|()| file)
        };
        let mut files = vec![making.clone(), put_in("requirements.txt", self.recipe.requirements)?];
        if let Some((sources, builder)) = self.recipe.sources {
            files.push(put_in("sources.txt", sources)?);
            files.push(put_in("builder.txt", builder)?);
        }
        let log = making.join("build.log");
        let mut build = Command::new(&self.executable);
        build.args(["-I", "-c", BUILD, "build"]).args(&files);
        end_in_time(build, &log, began)?;
        if let Some(finish) = self.recipe.finish {
            let mut finishing = Command::new(&self.executable);
            finishing.args(["-I", "-B", "-c", finish]).arg(making.join("packages"));
            end_in_time(finishing, &log, began)?;
        }
        put(&making, &self.dir.join(&self.name))?;
        let seconds = began.elapsed().as_secs();
        tracing::info!(image, seconds, "built an image");
        Ok(())
    }
}

/// Runs a part of a build to its end.
fn end_in_time(mut command: Command, log: &Path, began: Instant) -> io::Result<()> {
    let output = OpenOptions::new().create(true).append(true).open(log)?;
    let mut builder = command
        // Its end is ours: the builder ends with it.
        .stdin(Stdio::piped())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()?;
    let status = loop {
        if let Some(status) = builder.try_wait()? {
            break Some(status);
        }
        if began.elapsed() > BUILD_MAX {
            drop(builder.stdin.take());
            builder.wait()?;
            break None;
        }
        std::thread::sleep(POLL);
    };
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let said = fs::read(log).unwrap_or_default();
    Err(io::Error::other(reason(&String::from_utf8_lossy(&said))))
}

fn put(making: &Path, place: &Path) -> io::Result<()> {
    match fs::rename(making, place) {
        // Somebody else put the same there.
        Err(_) if place.exists() => fs::remove_dir_all(making),
        renamed => renamed,
    }
}

/// The line that says why, of a log.
fn reason(log: &str) -> String {
    let said = log.lines().rev().find(|line| line.starts_with("ERROR:"));
    let said = said.or_else(|| log.lines().rev().find(|line| !line.trim().is_empty()));
    said.unwrap_or("the build was ended").chars().take(REASON_CHARS_MAX).collect()
}

fn digest(of: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreter() -> Interpreter {
        Interpreter {
            version: "3.11.2".into(),
            tag: "cpython-311-linux-x86_64".into(),
            supported: true,
            executable: "/bin/false".into(),
            stdlib: Vec::new(),
        }
    }

    #[test]
    fn a_build_that_fails_says_why_and_leaves_no_image() {
        let dir = tempfile::tempdir().unwrap();
        let images = Arc::new(Images::new(dir.path().join("images"), &PYTHON, &interpreter()));
        assert!(matches!(images.get(), Err(PythonError::Building(_))));
        let failed = loop {
            match images.get() {
                Err(PythonError::Building(_)) => std::thread::yield_now(),
                other => break other,
            }
        };
        assert!(matches!(failed, Err(PythonError::Failed(_))), "{failed:?}");
        assert!(!dir.path().join("images").join(&images.name).exists());
    }

    #[test]
    fn an_image_is_found_with_our_programs_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let images = Arc::new(Images::new(dir.path().to_owned(), &PYTHON, &interpreter()));
        let image = dir.path().join(&images.name);
        fs::create_dir_all(image.join("packages")).unwrap();
        fs::write(image.join("libraries.json"), "[\"/lib/libz.so.1\"]").unwrap();
        let found = images.get().unwrap();
        assert_eq!(found.libraries, [Path::new("/lib/libz.so.1")]);
        assert!(found.code.join("runner.py").is_file());
        assert!(Arc::ptr_eq(&found, &images.get().unwrap()));
    }

    /// Without an interpreter on this machine there is nothing to try.
    #[test]
    fn the_runner_passes_its_own_tests() {
        let Ok(interpreter) = super::super::find(None) else {
            return;
        };
        let ran = Command::new(interpreter.executable)
            .args(["-B", "-m", "unittest", "test_runner"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    #[test]
    fn the_reason_is_what_pip_said() {
        assert_eq!(reason("ERROR: no network\nsome hint\n"), "ERROR: no network");
        assert_eq!(reason("Traceback\nOSError: full\n\n"), "OSError: full");
        assert_eq!(reason(""), "the build was ended");
    }
}
